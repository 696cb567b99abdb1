import type { Rates } from './rates.ts';

/**
 * A price that depends on how long the whole input is: that of the last tier it is longer than, for all of its tokens.
 * Where a provider's threshold is inclusive (xAI: from 200,000 on) the list has one token less as the start.
 */
interface TieredPrice {
  readonly base: number;
  readonly tiers: readonly { readonly start: number; readonly price: number }[];
}

/** A model's prices as `@pydantic/genai-prices` lists them, by name: `input_mtok`, `cache_read_mtok`, `audio_hours`, … */
export type ListedPrice = Readonly<Record<string, number | TieredPrice | undefined>>;

const SECONDS_PER_HOUR = 3600;
const THOUSAND = 1000;

/** USD per million tokens; what the list has by modality besides these (documents, video) nothing here counts. */
const TOKEN_PRICES = {
  inputUncached: 'input_mtok',
  cacheRead: 'cache_read_mtok',
  cacheWrite5m: 'cache_write_mtok',
  cacheWrite1h: 'cache_write_1h_mtok',
  inputAudio: 'input_audio_mtok',
  inputImage: 'input_image_mtok',
  outputText: 'output_mtok',
  outputReasoning: 'output_reasoning_mtok',
  outputAudio: 'output_audio_mtok',
  outputImage: 'output_image_mtok',
} as const;

/** The rates of a call with so many input tokens, cached ones included. */
export function listedRates(price: ListedPrice, inputTokens: number): Rates {
  const at = (name: string): number | undefined => {
    const listed = Object.hasOwn(price, name) ? price[name] : undefined;
    return typeof listed === 'object' ? tierPrice(listed, inputTokens) : listed;
  };
  const tokens: Record<string, number> = {};
  for (const [bucket, name] of Object.entries(TOKEN_PRICES)) {
    const rate = at(name);
    if (rate !== undefined) tokens[bucket] = rate;
  }
  const search = at('web_searches_kcount');
  const audio = at('input_audio_hours') ?? at('audio_hours');
  const request = at('requests_kcount');
  return {
    tokens,
    units: {
      ...(search === undefined ? {} : { searches: search / THOUSAND }),
      ...(audio === undefined ? {} : { audioSeconds: audio / SECONDS_PER_HOUR }),
    },
    ...(request === undefined ? {} : { perRequest: request / THOUSAND }),
  };
}

/** Whether the rates are the same for every length of input. */
export function isFlat(price: ListedPrice): boolean {
  return Object.values(price).every((listed) => typeof listed !== 'object');
}

function tierPrice({ base, tiers }: TieredPrice, inputTokens: number): number {
  let reached = -1;
  let price = base;
  for (const tier of tiers) {
    if (inputTokens > tier.start && tier.start > reached) {
      reached = tier.start;
      price = tier.price;
    }
  }
  return price;
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { calcPrice, findProvider, type ModelInfo, type Provider } from '@pydantic/genai-prices';
import { promptTokens } from '../../core/llm/usage.ts';
import type { LlmCallEvent } from '../../core/signals/llm-call.ts';
import { isFlat, type ListedPrice, listedRates } from './listed-price.ts';
import { OWN_PRICES, OWN_PRICES_DATE } from './own-prices.ts';
import { type PricedCall, type PriceKey, priceKeys } from './providers.ts';
import type { Rates } from './rates.ts';
import { inItsTier } from './service-tier.ts';

const PRICE_TABLE = '@pydantic/genai-prices';
/** Days on which versions of the table were published (npm's registry); the package itself does not tell. */
const TABLE_DATES: Readonly<Record<string, string>> = { '0.1.8': '2026-09-23' };
/** Groq bills a transcription of less than ten seconds as ten (https://console.groq.com/docs/speech-to-text). */
const GROQ_AUDIO_SECONDS_MIN = 10;
/** Models whose place in the price table is remembered; at the bound they are looked up anew. */
const LOOKUPS_MAX = 1000;

/** The facts of a call that its price depends on. */
export type BillableCall = PricedCall &
  Pick<LlmCallEvent, 'timeMs' | 'usage' | 'reportedCostUsd' | 'serviceTier' | 'billedUnits'>;

/** The prices that apply to a call, and where they are from. */
export interface TableRates {
  readonly rates: Rates;
  readonly version: string;
  /** Whether these are the prices of the call's service tier. */
  readonly tierKnown: boolean;
}

/** A model found in a list: a price list reduced to that model, which halves the time a look-up takes. */
interface Listed {
  readonly provider: Provider;
  readonly model: ModelInfo;
  /** Its prices, where they do not depend on the time. */
  readonly undated: ListedPrice | null;
  /** Its rates, where they do not depend on the length of the input either. */
  readonly fixed: Rates | null;
}

interface Place {
  readonly listed: Listed | null;
  readonly own: Rates | null;
  readonly tierKnown: boolean;
}

/** The bundled price tables. They may throw; whoever asks decides what that means. */
export class PriceTable {
  readonly version = tableVersion();
  readonly #ownVersion = `nervecenter ${OWN_PRICES_DATE}`;
  readonly #places = new Map<string, Place>();

  /** The rates of a call at its time, `null` when its model is in no list. */
  ratesOf(call: BillableCall): TableRates | null {
    const { listed, own, tierKnown } = this.#place(call);
    if (listed !== null)
      return { rates: listed.fixed ?? ratesNow(listed, call), version: this.version, tierKnown };
    return own === null ? null : { rates: own, version: this.#ownVersion, tierKnown };
  }

  #place(call: BillableCall): Place {
    const names = [call.provider, call.serverAddress, call.responseModel, call.model, call.serviceTier];
    const key = names.join('\n');
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    if (this.#places.size >= LOOKUPS_MAX) this.#places.clear();
    const place = findPlace(call);
    this.#places.set(key, place);
    return place;
  }
}

function findPlace(call: BillableCall): Place {
  const keys = priceKeys(call);
  const listed = firstListed(keys);
  const own = listed === null ? firstOwn(keys) : null;
  const tiered = inItsTier(call, call.serviceTier);
  if (tiered === null) return { listed, own, tierKnown: true };
  const ofTier = firstListed(priceKeys(tiered));
  // A list that matches names by their beginning finds the plain model again.
  if (ofTier !== null && ofTier.model.id !== listed?.model.id)
    return { listed: ofTier, own: null, tierKnown: true };
  return { listed, own, tierKnown: false };
}

function firstListed(keys: readonly PriceKey[]): Listed | null {
  for (const { tableId, model } of keys) {
    const provider = findProvider({ providerId: tableId });
    const price = provider && calcPrice({}, model, { provider });
    // The library may answer with another provider's price; whether that applies is decided by `priceKeys`.
    if (price?.provider.id === tableId) return asListed(price.provider, price.model);
  }
  return null;
}

function asListed(provider: Provider, model: ModelInfo): Listed {
  const undated = Array.isArray(model.prices) ? null : (model.prices as ListedPrice);
  return {
    provider: { ...provider, models: [{ ...model, match: { starts_with: '' } }] },
    model,
    undated,
    fixed: undated !== null && isFlat(undated) ? ratesIn(provider, undated, 0) : null,
  };
}

/** Some prices depend on the time of day, or changed at a date; some on how long the input is. */
function ratesNow({ provider, model, undated }: Listed, { timeMs, usage }: BillableCall): Rates {
  const price = undated ?? calcPrice({}, model.id, { provider, timestamp: new Date(timeMs) })?.model_price;
  return ratesIn(provider, (price ?? {}) as ListedPrice, usage === null ? 0 : promptTokens(usage));
}

function ratesIn(provider: Provider, price: ListedPrice, inputTokens: number): Rates {
  const rates = listedRates(price, inputTokens);
  return provider.id === 'groq' ? { ...rates, audioSecondsMin: GROQ_AUDIO_SECONDS_MIN } : rates;
}

function firstOwn(keys: readonly PriceKey[]): Rates | null {
  for (const { tableId, model } of keys) {
    const own = OWN_PRICES.find((price) => price.tableId === tableId && price.model === model);
    if (own !== undefined) return own.rates;
  }
  return null;
}

function tableVersion(): string {
  try {
    const entry = createRequire(import.meta.url).resolve(PRICE_TABLE);
    // The package exports only its code.
    const manifest = readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8');
    const version = String((JSON.parse(manifest) as { version?: unknown }).version);
    const date = Object.hasOwn(TABLE_DATES, version) ? ` ${TABLE_DATES[version]}` : '';
    return `genai-prices@${version}${date}`;
  } catch {
    return 'genai-prices@unknown';
  }
}

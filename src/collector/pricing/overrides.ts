import type { PricedCall } from './providers.ts';
import type { Rates } from './rates.ts';

/** What a user says of one model: what it costs, or which model it really is. */
export type Override =
  | { readonly kind: 'rates'; readonly rates: Rates }
  | { readonly kind: 'model'; readonly model: string; readonly provider: string | null };

/** What a user says, by `<model>` or `<provider>/<model>`. */
export type Overrides = ReadonlyMap<string, Override>;

/** Nobody charges more per million tokens, nor per unit: such a number is in another unit. */
const PRICE_MAX = 1_000_000;
const NAME_CHARS_MAX = 200;
const SECONDS_PER_MINUTE = 60;

/** Keys in USD per million tokens, and the bucket each is the price of. */
const TOKEN_KEYS = {
  input: 'inputUncached',
  output: 'outputText',
  cache_read: 'cacheRead',
  cache_write: 'cacheWrite5m',
  cache_write_1h: 'cacheWrite1h',
  audio_in: 'inputAudio',
  audio_out: 'outputAudio',
  image_in: 'inputImage',
  image_out: 'outputImage',
} as const;
/** Keys in USD per unit: what is counted, and how many of it the price is for. */
const UNIT_KEYS = {
  per_search: { unit: 'searches', per: 1 },
  per_image: { unit: 'images', per: 1 },
  per_minute: { unit: 'audioSeconds', per: SECONDS_PER_MINUTE },
} as const;
const NAME_KEYS = ['model', 'provider'];
const REQUIRED = ['input', 'output'];
const PRICE_KEYS = [...Object.keys(TOKEN_KEYS), ...Object.keys(UNIT_KEYS)];
const KNOWN = new Set([...PRICE_KEYS, ...NAME_KEYS]);

type Entry = Readonly<Record<string, unknown>>;

/** Checks a parsed price file. `problems` are full sentences; a file with any must not be used. */
export function parseOverrides(document: unknown): {
  readonly overrides: Overrides;
  readonly problems: readonly string[];
} {
  const overrides = new Map<string, Override>();
  if (!isRecord(document))
    return { overrides, problems: ['expected an object of models, got something else'] };
  const problems: string[] = [];
  for (const [model, entry] of Object.entries(document)) {
    const wrong = problemsOf(model, entry);
    problems.push(...wrong);
    if (wrong.length === 0 && isRecord(entry)) overrides.set(model, overrideOf(entry));
  }
  return { overrides, problems };
}

function overrideOf(entry: Entry): Override {
  const { model, provider } = entry;
  if (typeof model !== 'string') return { kind: 'rates', rates: ratesOf(entry) };
  return { kind: 'model', model, provider: typeof provider === 'string' ? provider : null };
}

function ratesOf(entry: Entry): Rates {
  const tokens: Record<string, number> = {};
  for (const [key, bucket] of Object.entries(TOKEN_KEYS)) {
    const price = entry[key];
    if (typeof price === 'number') tokens[bucket] = price;
  }
  // A user who names no price for audio says that it costs what text does; a price list says nothing.
  const { audio_in: audioIn = entry['input'], audio_out: audioOut = entry['output'] } = entry;
  if (typeof audioIn === 'number') tokens['inputAudio'] = audioIn;
  if (typeof audioOut === 'number') tokens['outputAudio'] = audioOut;
  const units: Record<string, number> = {};
  for (const [key, { unit, per }] of Object.entries(UNIT_KEYS)) {
    const price = entry[key];
    if (typeof price === 'number') units[unit] = price / per;
  }
  return { tokens, units };
}

function problemsOf(model: string, entry: unknown): string[] {
  const name = JSON.stringify(model.slice(0, 100));
  if (!isRecord(entry)) return [`${name}: expected an object with input and output, got something else`];
  const unknown = Object.keys(entry)
    .filter((key) => !KNOWN.has(key))
    .map((key) => `${name}: ${JSON.stringify(key.slice(0, 40))} is not one of ${[...KNOWN].join(', ')}`);
  const names = Object.hasOwn(entry, 'model') || Object.hasOwn(entry, 'provider');
  const wrong = names ? problemsOfName(name, entry) : problemsOfPrices(name, entry);
  return [...unknown, ...wrong];
}

function problemsOfName(name: string, entry: Entry): string[] {
  const priced = PRICE_KEYS.filter((key) => Object.hasOwn(entry, key));
  return [
    ...(Object.hasOwn(entry, 'model') ? [] : [`${name}: provider is given without model`]),
    ...priced.map((key) => `${name}: ${key} cannot stand beside model, whose prices are used`),
    ...NAME_KEYS.filter((key) => Object.hasOwn(entry, key) && !isName(entry[key])).map(
      (key) =>
        `${name}: ${key} must be a name of 1 to ${NAME_CHARS_MAX} characters, got ${brief(entry[key])}`,
    ),
  ];
}

/** Tokens have a price both ways, unless it is only something else that is billed. */
function problemsOfPrices(name: string, entry: Entry): string[] {
  const byUnit = Object.keys(UNIT_KEYS).some((key) => Object.hasOwn(entry, key));
  const byToken = Object.keys(TOKEN_KEYS).some((key) => Object.hasOwn(entry, key));
  const required = byUnit && !byToken ? [] : REQUIRED;
  const missing = required.filter((key) => !Object.hasOwn(entry, key));
  const wrong = PRICE_KEYS.filter((key) => Object.hasOwn(entry, key) && !isPrice(entry[key]));
  return [
    ...missing.map((key) => `${name}: ${key} is missing`),
    ...wrong.map((key) => `${name}: ${key} must be USD ${per(key)} from 0 on, got ${brief(entry[key])}`),
  ];
}

function per(key: string): string {
  return Object.hasOwn(TOKEN_KEYS, key) ? 'per million tokens' : key.replaceAll('_', ' ');
}

function isPrice(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= PRICE_MAX;
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= NAME_CHARS_MAX;
}

function isRecord(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}

/** What the user says of a call's model: the more specific key and the model really used come first. */
export function findOverride(overrides: Overrides, call: PricedCall): Override | null {
  if (overrides.size === 0) return null;
  const models = call.responseModel === null ? [call.model] : [call.responseModel, call.model];
  for (const key of [...models.map((model) => `${call.provider}/${model}`), ...models]) {
    const override = overrides.get(key);
    if (override !== undefined) return override;
  }
  return null;
}

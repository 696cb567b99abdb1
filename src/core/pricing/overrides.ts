import { completionTokens, type TokenUsage } from '../event.ts';
import { type Usd, usd } from '../units.ts';
import type { PricedCall } from './providers.ts';

/** Prices of one model in USD per million tokens, as a user states them. */
export interface OverridePrice {
  readonly input: number;
  readonly output: number;
  /** @default the input price */
  readonly cacheRead: number;
  /** @default the input price */
  readonly cacheWrite: number;
}

/** Prices by `<model>` or `<provider>/<model>`. */
export type Overrides = ReadonlyMap<string, OverridePrice>;

const PER_MILLION = 1_000_000;
/** Nobody charges more per million tokens: such a number is per token or per thousand, times something. */
const PRICE_MAX = 1_000_000;
const REQUIRED = ['input', 'output'];
const KNOWN = new Set([...REQUIRED, 'cache_read', 'cache_write']);

/** Checks a parsed price file. `problems` are full sentences; a file with any must not be used. */
export function parseOverrides(document: unknown): {
  readonly overrides: Overrides;
  readonly problems: readonly string[];
} {
  const overrides = new Map<string, OverridePrice>();
  if (!isRecord(document))
    return { overrides, problems: ['expected an object of models, got something else'] };
  const problems: string[] = [];
  for (const [model, entry] of Object.entries(document)) {
    const wrong = problemsOf(model, entry);
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    const price = entry as Record<string, number>;
    const input = price['input'] ?? 0;
    overrides.set(model, {
      input,
      output: price['output'] ?? 0,
      cacheRead: price['cache_read'] ?? input,
      cacheWrite: price['cache_write'] ?? input,
    });
  }
  return { overrides, problems };
}

function problemsOf(model: string, entry: unknown): string[] {
  const name = JSON.stringify(model.slice(0, 100));
  if (!isRecord(entry)) return [`${name}: expected an object with input and output, got something else`];
  const missing = REQUIRED.filter((key) => !Object.hasOwn(entry, key)).map(
    (key) => `${name}: ${key} is missing`,
  );
  const unknown = Object.keys(entry)
    .filter((key) => !KNOWN.has(key))
    .map((key) => `${name}: ${JSON.stringify(key.slice(0, 40))} is not one of ${[...KNOWN].join(', ')}`);
  const wrong = Object.entries(entry)
    .filter(([key, value]) => KNOWN.has(key) && !isPrice(value))
    .map(([key, value]) => `${name}: ${key} must be USD per million tokens from 0 on, got ${brief(value)}`);
  return [...missing, ...unknown, ...wrong];
}

function isPrice(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= PRICE_MAX;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}

/** The user's price for a call: the more specific key and the model really used come first. */
export function findOverride(overrides: Overrides, call: PricedCall): OverridePrice | null {
  if (overrides.size === 0) return null;
  const models = call.responseModel === null ? [call.model] : [call.responseModel, call.model];
  for (const key of [...models.map((model) => `${call.provider}/${model}`), ...models]) {
    const price = overrides.get(key);
    if (price !== undefined) return price;
  }
  return null;
}

export function overrideCost(price: OverridePrice, usage: TokenUsage): Usd {
  const cost =
    usage.inputUncached * price.input +
    usage.cacheRead * price.cacheRead +
    (usage.cacheWrite5m + usage.cacheWrite1h) * price.cacheWrite +
    (usage.inputAudio + usage.inputImage) * price.input +
    completionTokens(usage) * price.output;
  return roundUsd(cost / PER_MILLION);
}

/** Ten decimals: far below any price per token, far above the dust of binary fractions. */
export function roundUsd(amount: number): Usd {
  return usd(Number(amount.toFixed(10)));
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { calcPrice, findProvider, type Provider, type Usage } from '@pydantic/genai-prices';
import {
  completionTokens,
  type LlmCallEvent,
  type LlmCost,
  promptTokens,
  type TokenUsage,
} from '../core/event.ts';
import {
  findOverride,
  type Overrides,
  overrideCost,
  parseOverrides,
  roundUsd,
} from '../core/pricing/overrides.ts';
import { type PriceKey, priceKeys } from '../core/pricing/providers.ts';
import type { Usd } from '../core/units.ts';
import { describeError, NervecenterError } from '../errors.ts';
import type { Log } from './log.ts';

const PRICE_TABLE = '@pydantic/genai-prices';
/** Models whose place in the price table is remembered; at the bound they are looked up anew. */
const LOOKUPS_MAX = 1000;
/** Shown in an error message; a file with more mistakes has one cause. */
const PROBLEMS_SHOWN_MAX = 5;

const UNPRICED: LlmCost = { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null };

export interface PricerOptions {
  /** File with prices that come before the bundled ones, `null` for none. */
  readonly overridesPath: string | null;
  readonly log: Log;
}

/** Finds out what calls cost. */
export interface Pricer {
  /**
   * The cost of a call: as billed by the provider, else by the user's prices, else by the bundled table, else `null`. Never
   * throws and never guesses.
   */
  price(event: LlmCallEvent): LlmCost;
  /** The price table in use, such as `genai-prices@0.1.8`, with `+overrides` when the user has prices of his own. */
  readonly version: string;
}

/** @throws NervecenterError `NC_CONFIG_INVALID` when the file of overrides cannot be used. */
export function createPricer(options: PricerOptions): Pricer {
  const overrides = options.overridesPath === null ? null : readOverrides(options.overridesPath);
  const table = new PriceTable(options.log);
  return {
    version: overrides === null ? table.version : `${table.version}+overrides`,
    price: (event) => priceCall(event, table, overrides),
  };
}

function priceCall(event: LlmCallEvent, table: PriceTable, overrides: Overrides | null): LlmCost {
  if (event.reportedCostUsd !== null) {
    return { ...UNPRICED, usd: roundUsd(event.reportedCostUsd), source: 'provider' };
  }
  if (event.usage === null) return UNPRICED;
  const override = overrides === null ? null : findOverride(overrides, event);
  if (override !== null) {
    return {
      ...UNPRICED,
      usd: overrideCost(override, event.usage),
      source: 'override',
      priceVersion: 'overrides',
    };
  }
  const amount = table.cost(event, event.usage);
  return amount === null
    ? UNPRICED
    : { ...UNPRICED, usd: amount, source: 'table', priceVersion: table.version };
}

function readOverrides(path: string): Overrides {
  const { overrides, problems } = parseOverrides(readJson(path));
  if (problems.length === 0) return overrides;
  const shown = problems.slice(0, PROBLEMS_SHOWN_MAX).join('; ');
  throw unusable(path, shown + (problems.length > PROBLEMS_SHOWN_MAX ? '; and more' : ''));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw unusable(path, describeError(cause), cause);
  }
}

function unusable(path: string, got: string, cause?: unknown): NervecenterError {
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `NERVECENTER_PRICES: expected a JSON file such as {"my-model": {"input": 3, "output": 15}} (USD per million tokens), ` +
      `got from ${path}: ${got}. Correct the file, or unset the variable to use the bundled prices.`,
    { cause },
  );
}

/** A model found in the table: a price list reduced to that model, which halves the time pricing takes. */
interface Listed {
  readonly provider: Provider;
  readonly model: string;
}

/** The bundled price table behind a wrapper that never throws and answers "unknown" with `null`. */
class PriceTable {
  readonly version = `genai-prices@${tableVersion()}`;
  readonly #log: Log;
  readonly #listed = new Map<string, Listed | null>();
  #failed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  cost(event: LlmCallEvent, usage: TokenUsage): Usd | null {
    try {
      const listed = this.#find(event);
      if (listed === null) return null;
      const { provider, model } = listed;
      // Some prices depend on the time of day, or changed at a date.
      const price = calcPrice(tableUsage(usage), model, { provider, timestamp: new Date(event.timeMs) });
      return price !== null && price.total_price >= 0 ? roundUsd(price.total_price) : null;
    } catch (error) {
      if (!this.#failed) this.#log('prices', `a call could not be priced: ${describeError(error)}`);
      this.#failed = true;
      return null;
    }
  }

  #find(event: LlmCallEvent): Listed | null {
    const key = `${event.provider}\n${event.serverAddress}\n${event.responseModel}\n${event.model}`;
    const known = this.#listed.get(key);
    if (known !== undefined) return known;
    if (this.#listed.size >= LOOKUPS_MAX) this.#listed.clear();
    const listed = firstListed(priceKeys(event));
    this.#listed.set(key, listed);
    return listed;
  }
}

function firstListed(keys: readonly PriceKey[]): Listed | null {
  for (const { tableId, model } of keys) {
    const provider = findProvider({ providerId: tableId });
    const price = provider && calcPrice({}, model, { provider });
    // The library may answer with another provider's price; whether that applies is decided by `priceKeys`.
    if (price?.provider.id === tableId)
      return { provider: { ...price.provider, models: [price.model] }, model };
  }
  return null;
}

/** Usage as the table counts it: input with all that was cached, output with reasoning. */
function tableUsage(usage: TokenUsage): Usage {
  const counted: Usage = { input_tokens: promptTokens(usage), output_tokens: completionTokens(usage) };
  // Each count given costs the library time, and most calls have no more than two.
  if (usage.cacheRead > 0) counted['cache_read_tokens'] = usage.cacheRead;
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  if (written > 0) counted['cache_write_tokens'] = written;
  if (usage.cacheWrite1h > 0) counted['cache_write_1h_tokens'] = usage.cacheWrite1h;
  return counted;
}

function tableVersion(): string {
  try {
    const entry = createRequire(import.meta.url).resolve(PRICE_TABLE);
    // The package exports only its code.
    const manifest = readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8');
    return String((JSON.parse(manifest) as { version?: unknown }).version);
  } catch {
    return 'unknown';
  }
}

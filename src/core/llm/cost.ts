import type { Usd } from '../units.ts';

export type CostSource = 'provider' | 'override' | 'table' | 'none';

/** What a call cost, decided in the collector. `usd` is `null` when the price is unknown: never 0, never a guess. */
export interface LlmCost {
  readonly usd: Usd | null;
  /** What reading from the provider's prompt cache saved against the input price; `null` when either price is unknown. */
  readonly cacheSavingsUsd: Usd | null;
  readonly source: CostSource;
  /** Version of the price table used, `null` when none was. */
  readonly priceVersion: string | null;
}

/** Nothing of it known. */
export const NO_COST: LlmCost = { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null };

/** `cost_usd` is the specification's DECIMAL(10,6): it rounds what is finer and refuses what is 10,000 USD and more. */
export const COST_DECIMALS = 6;
export const COST_USD_LIMIT = 9999.999_999_5;
/** A stored cost, in SQL over the row `r`: where `cost_usd` cannot hold it there is a column beside it. */
export const STORED_COST = 'coalesce(r.cost_exact_usd, r.cost_usd)';

/** A cost as `cost_usd` takes it. */
export function columnCost(usd: Usd | null): number | null {
  return usd === null || usd >= COST_USD_LIMIT ? null : usd;
}

/** The cost where that column cannot hold it; `null` where it can. */
export function exactCost(usd: Usd | null): number | null {
  return usd !== null && Number(columnCost(usd)?.toFixed(COST_DECIMALS)) !== usd ? usd : null;
}

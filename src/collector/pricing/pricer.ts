import { readFileSync } from 'node:fs';
import { describeError, NervecenterError } from '../../core/errors.ts';
import { parseJson } from '../../core/json.ts';
import type { LlmCost } from '../../core/llm/cost.ts';
import type { Log } from '../log.ts';
import { findOverride, type Overrides, parseOverrides } from './overrides.ts';
import { type BillableCall, PriceTable } from './price-table.ts';
import { type Charge, chargeFor, type Gap, type Rates, roundUsd } from './rates.ts';
import { inItsTier } from './service-tier.ts';

/** Shown in an error message; a file with more mistakes has one cause. */
const PROBLEMS_SHOWN_MAX = 5;
const OVERRIDES_VERSION = 'overrides';

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
   * throws and never guesses. What the price lacks is said after its version: `genai-prices@0.1.8 2026-09-23 ~rate~tier`.
   */
  price(call: BillableCall): LlmCost;
  /** The price table in use, such as `genai-prices@0.1.8 2026-09-23`, with `+overrides` when the user has prices of his own. */
  readonly version: string;
}

/** @throws NervecenterError `NC_CONFIG_INVALID` when the file of overrides cannot be used. */
export function createPricer({ overridesPath, log }: PricerOptions): Pricer {
  const overrides: Overrides = overridesPath === null ? new Map() : readOverrides(overridesPath);
  const table = new PriceTable();
  let failed = false;
  return {
    version: overridesPath === null ? table.version : `${table.version} +${OVERRIDES_VERSION}`,
    price(call) {
      try {
        return priceCall(call, table, overrides);
      } catch (error) {
        if (!failed) log('prices', `a call could not be priced: ${describeError(error)}`);
        failed = true;
        return reported(call, UNPRICED) ?? UNPRICED;
      }
    },
  };
}

function priceCall(call: BillableCall, table: PriceTable, overrides: Overrides): LlmCost {
  const listed = listPrice(call, table, overrides);
  return reported(call, listed) ?? listed;
}

/** What the provider billed. What its cache saved it does not say, so that is by the list. */
function reported({ reportedCostUsd }: BillableCall, listed: LlmCost): LlmCost | null {
  if (reportedCostUsd === null) return null;
  const { cacheSavingsUsd } = listed;
  const priceVersion = cacheSavingsUsd === null || cacheSavingsUsd === 0 ? null : listed.priceVersion;
  return { usd: roundUsd(reportedCostUsd), cacheSavingsUsd, source: 'provider', priceVersion };
}

function listPrice(asked: BillableCall, table: PriceTable, overrides: Overrides): LlmCost {
  if (asked.usage === null && asked.billedUnits === null) return UNPRICED;
  const call = renamed(asked, overrides);
  const own = ownRates(call, overrides);
  if (own !== null) {
    const charge = chargeFor(own.rates, call.usage, call.billedUnits);
    // A price the user left out is by his own word that of plain tokens.
    const gaps = charge.gaps.filter((gap) => gap !== 'rate');
    return costOf({ ...charge, gaps }, 'override', versionOf(OVERRIDES_VERSION, gaps, own.tierKnown));
  }
  const listed = table.ratesOf(call);
  if (listed === null) return UNPRICED;
  const charge = chargeFor(listed.rates, call.usage, call.billedUnits);
  return costOf(charge, 'table', versionOf(listed.version, charge.gaps, listed.tierKnown));
}

function costOf(charge: Charge, source: 'override' | 'table', priceVersion: string): LlmCost {
  if (charge.usd === null) return UNPRICED;
  return { usd: charge.usd, cacheSavingsUsd: charge.cacheSavingsUsd, source, priceVersion };
}

function versionOf(version: string, gaps: readonly Gap[], tierKnown: boolean): string {
  const all: readonly Gap[] = tierKnown ? gaps : [...gaps, 'tier'];
  return all.length === 0 ? version : `${version} ${all.map((gap) => `~${gap}`).join('')}`;
}

/** The call of the model that the user says a name stands for, such as that of an Azure deployment. */
function renamed(call: BillableCall, overrides: Overrides): BillableCall {
  const override = findOverride(overrides, call);
  if (override?.kind !== 'model') return call;
  const { model, provider } = override;
  return { ...call, model, responseModel: null, provider: provider ?? call.provider };
}

function ownRates(
  call: BillableCall,
  overrides: Overrides,
): { readonly rates: Rates; readonly tierKnown: boolean } | null {
  const tiered = inItsTier(call, call.serviceTier);
  const ofTier = tiered === null ? null : findOverride(overrides, tiered);
  if (ofTier?.kind === 'rates') return { rates: ofTier.rates, tierKnown: true };
  const plain = findOverride(overrides, call);
  return plain?.kind === 'rates' ? { rates: plain.rates, tierKnown: tiered === null } : null;
}

function readOverrides(path: string): Overrides {
  const { overrides, problems } = parseOverrides(readJson(path));
  if (problems.length === 0) return overrides;
  const shown = problems.slice(0, PROBLEMS_SHOWN_MAX).join('; ');
  throw unusable(path, shown + (problems.length > PROBLEMS_SHOWN_MAX ? '; and more' : ''));
}

function readJson(path: string): unknown {
  try {
    return parseJson(readFileSync(path, 'utf8'));
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

import type { BilledUnits, TokenUsage } from '../../core/llm/usage.ts';
import { type Usd, usd } from '../../core/units.ts';

type Bucket = keyof TokenUsage;
type Unit = keyof BilledUnits;

/** What one model costs. A price that is absent is not known, which is not the same as nothing to pay. */
export interface Rates {
  /** USD per million tokens, by bucket. Empty: tokens are not what is billed. */
  readonly tokens: Readonly<Partial<Record<Bucket, number>>>;
  /** USD per unit. */
  readonly units: Readonly<Partial<Record<Unit, number>>>;
  /** USD per call, besides its tokens. @default 0 */
  readonly perRequest?: number;
  /** Shorter audio is billed as this long. @default 0 */
  readonly audioSecondsMin?: number;
}

/**
 * What a charge lacks. `rate`: a bucket that usually has a price of its own (cached, written, images) was charged at the
 * price of plain tokens. `units`: something was billed besides tokens that has no price. `tier`: the call was served in a
 * tier whose prices are not known, and charged at the standard ones.
 */
export type Gap = 'rate' | 'units' | 'tier';

/** What a call costs by some rates; `null` where they do not tell. */
export interface Charge {
  readonly usd: Usd | null;
  readonly cacheSavingsUsd: Usd | null;
  readonly gaps: readonly Gap[];
}

const PER_MILLION = 1_000_000;
const NOTHING_KNOWN: Charge = { usd: null, cacheSavingsUsd: null, gaps: [] };

interface Stand {
  readonly instead: Bucket;
  /** Whether providers usually have a price of its own for the bucket, so that its absence is a gap. */
  readonly isGap: boolean;
}

/** Whose price a bucket without one of its own has. Audio costs many times what text does: without a price it has none. */
const STANDS_IN: Readonly<Partial<Record<Bucket, Stand>>> = {
  cacheRead: { instead: 'inputUncached', isGap: true },
  cacheWrite5m: { instead: 'inputUncached', isGap: true },
  cacheWrite1h: { instead: 'cacheWrite5m', isGap: true },
  inputImage: { instead: 'inputUncached', isGap: true },
  outputReasoning: { instead: 'outputText', isGap: false },
  outputImage: { instead: 'outputText', isGap: true },
};

/** What the tokens and units of one call cost, each bucket at its own price. Pure, never throws, never guesses 0. */
export function chargeFor(rates: Rates, usage: TokenUsage | null, billed: BilledUnits | null): Charge {
  const tokens = tokenCost(rates, usage);
  const units = unitCost(rates, billed);
  if (tokens === null || units === null) return NOTHING_KNOWN;
  const charged = tokens.charged || units.charged;
  if (!charged && (usage === null || units.unpriced || !hasPrices(rates))) return NOTHING_KNOWN;
  const fee = usage === null ? 0 : (rates.perRequest ?? 0);
  const total = tokens.cost + units.cost + fee;
  if (!Number.isFinite(total)) return NOTHING_KNOWN;
  const gaps: Gap[] = [
    ...(tokens.gap ? ['rate' as const] : []),
    ...(units.unpriced ? ['units' as const] : []),
  ];
  return { usd: roundUsd(total), cacheSavingsUsd: cacheSavings(rates, usage), gaps };
}

interface TokenCost {
  readonly cost: number;
  readonly charged: boolean;
  readonly gap: boolean;
}

/** `null` when a bucket with tokens in it has no price. */
function tokenCost(rates: Rates, usage: TokenUsage | null): TokenCost | null {
  let cost = 0;
  let charged = false;
  let gap = false;
  const billsTokens = Object.keys(rates.tokens).length > 0;
  for (const bucket in usage ?? {}) {
    const count = usage?.[bucket as Bucket] ?? 0;
    if (!isCount(count)) return null;
    if (count === 0 || !billsTokens) continue;
    const found = rateOf(rates, bucket as Bucket);
    if (found === null) return null;
    cost += (count * found.rate) / PER_MILLION;
    charged = true;
    gap ||= found.isGap;
  }
  return { cost, charged, gap };
}

function rateOf(
  { tokens }: Rates,
  bucket: Bucket,
): { readonly rate: number; readonly isGap: boolean } | null {
  let isGap = false;
  for (let at: Bucket | undefined = bucket; at !== undefined; at = STANDS_IN[at]?.instead) {
    const rate = tokens[at];
    if (rate !== undefined) return { rate, isGap };
    isGap ||= STANDS_IN[at]?.isGap === true;
  }
  return null;
}

interface UnitCost {
  readonly cost: number;
  readonly charged: boolean;
  readonly unpriced: boolean;
}

function unitCost(rates: Rates, billed: BilledUnits | null): UnitCost | null {
  let cost = 0;
  let charged = false;
  let unpriced = false;
  for (const [unit, count] of Object.entries(billed ?? {})) {
    if (!isCount(count)) return null;
    if (count === 0) continue;
    const rate = Object.hasOwn(rates.units, unit) ? rates.units[unit as Unit] : undefined;
    if (rate === undefined) unpriced = true;
    else {
      cost += (unit === 'audioSeconds' ? Math.max(count, rates.audioSecondsMin ?? 0) : count) * rate;
      charged = true;
    }
  }
  return { cost, charged, unpriced };
}

/** What reading from the provider's cache cost less than plain input; what writing to it cost more is not taken off. */
function cacheSavings({ tokens }: Rates, usage: TokenUsage | null): Usd | null {
  if (usage === null) return null;
  if (usage.cacheRead === 0) return usd(0);
  const { inputUncached, cacheRead } = tokens;
  if (inputUncached === undefined || cacheRead === undefined) return null;
  return roundUsd(Math.max(0, (usage.cacheRead * (inputUncached - cacheRead)) / PER_MILLION));
}

function hasPrices({ tokens, units, perRequest }: Rates): boolean {
  return Object.keys(tokens).length > 0 || Object.keys(units).length > 0 || perRequest !== undefined;
}

function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** Ten decimals: far below any price per token, far above the dust of binary fractions. */
export function roundUsd(amount: number): Usd {
  return usd(Number(amount.toFixed(10)));
}

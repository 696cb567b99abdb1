import type { HistorySource } from '../../../../core/history/query.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../core/units.ts';

export type Tier = Exclude<HistorySource, 'rows'>;

/** The kinds of rollups, coarsest first, and the length of their buckets. */
export const TIERS: readonly { readonly source: Tier; readonly unitMs: number }[] = [
  { source: 'rollup_day', unitMs: DAY_MS },
  { source: 'rollup_hour', unitMs: HOUR_MS },
  { source: 'rollup_minute', unitMs: MINUTE_MS },
];

/** Where the rollups of a tier are: what bears the tier's own name is a view of that. */
export const TABLES: Readonly<Record<Tier, string>> = {
  rollup_day: 'rollup_by_day',
  rollup_hour: 'rollup_by_hour',
  rollup_minute: 'rollup_by_minute',
};

/**
 * Until when (exclusive, milliseconds since the epoch) the rollups of a tier are complete; a tier that is not named is not
 * used. A moment within a bucket of the tier: that bucket holds exactly what lies before it.
 */
export type Reach = Readonly<Partial<Record<Tier, number>>>;

/** A time, in milliseconds since the epoch and exclusive of its end, and what to read it from. */
export interface Stretch {
  readonly source: HistorySource;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * What to read so that every bucket is exact and little is read: of each bucket the whole days from days, of what is left
 * the whole hours from hours, and so on, as far as the tiers reach; the rest from rows.
 *
 * @param boundariesMs beginnings of the buckets in order and the end of the last one.
 * @returns stretches in order of time, without gaps, neighbours of one source as one.
 */
export function coverOf(boundariesMs: readonly number[], reach: Reach): Stretch[] {
  const tiers = TIERS.filter(({ source }) => reach[source] !== undefined);
  const stretches: Stretch[] = [];
  for (const [index, fromMs] of boundariesMs.slice(0, -1).entries()) {
    const toMs = boundariesMs[index + 1] ?? fromMs;
    for (const next of bucketCover({ fromMs, toMs }, tiers, reach)) {
      const last = stretches.at(-1);
      if (last?.source !== next.source) stretches.push(next);
      else stretches[stretches.length - 1] = { ...next, fromMs: last.fromMs };
    }
  }
  return stretches;
}

/** What the first tier has whole of it, and before and behind that the same of the finer tiers. */
function bucketCover(
  { fromMs, toMs }: Omit<Stretch, 'source'>,
  [tier, ...finer]: typeof TIERS,
  reach: Reach,
): Stretch[] {
  if (fromMs >= toMs) return [];
  if (tier === undefined) return [{ source: 'rows', fromMs, toMs }];
  const { source, unitMs } = tier;
  const firstMs = Math.ceil(fromMs / unitMs) * unitMs;
  const reachMs = reach[source] ?? firstMs;
  // Only who wants all that a bucket which is not full yet holds may take it.
  const lastMs = toMs >= reachMs ? reachMs : Math.floor(toMs / unitMs) * unitMs;
  if (firstMs >= lastMs) return bucketCover({ fromMs, toMs }, finer, reach);
  return [
    ...bucketCover({ fromMs, toMs: firstMs }, finer, reach),
    { source, fromMs: firstMs, toMs: lastMs },
    ...bucketCover({ fromMs: lastMs, toMs }, finer, reach),
  ];
}

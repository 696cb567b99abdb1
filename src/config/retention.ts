import { SIGNALS } from '../core/signals/index.ts';
import { RETENTION_KEYS, type RetentionKey } from '../core/signals/signal.ts';

/** For how many days rows are kept where the setting does not say: as their signals do. */
export const RETENTION_DAYS = Object.fromEntries(
  RETENTION_KEYS.map((key) => {
    const signal = Object.values(SIGNALS).find(({ retention }) => retention.key === key);
    return [key, signal?.retention.days];
  }),
) as Readonly<Record<RetentionKey, number>>;

/** A hundred years: for ever, and still a day that Postgres has. */
export const RETENTION_DAYS_MAX = 36_500;

export const DEFAULT_RETENTION = retentionText(RETENTION_DAYS);

/** Days by key, as the setting has them. */
export function retentionText(days: Readonly<Record<string, number>>): string {
  return Object.entries(days)
    .map(([key, count]) => `${key}=${count}`)
    .join(',');
}

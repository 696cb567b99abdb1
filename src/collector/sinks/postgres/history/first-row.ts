import type { PoolClient } from 'pg';
import { VALUE } from '../../../../core/history/measures.ts';
import { SIGNAL_NAMES } from '../../../../core/signals/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import { SHAPES } from '../rollup/shape.ts';

/** Each is one look at the end of an index. */
const ROWS = SIGNAL_NAMES.map((signal) => `(SELECT min(timestamp) FROM ${SHAPES[signal].table})`);
const DAYS = SIGNAL_NAMES.map(
  (signal) => `(SELECT min(bucket) FROM enterprise.rollup_by_day WHERE kind = (
    SELECT id FROM enterprise.rollup_kind WHERE signal = '${signal}' AND field = '${VALUE}' AND dimension = '' AND second = ''))`,
);
const FIRST = `SELECT extract(epoch FROM least(${ROWS.join(', ')}))::float8 * 1000 AS row,
  extract(epoch FROM least(${DAYS.join(', ')}))::float8 * 1000 AS day`;

/**
 * When the oldest row is of, whatever its signal: before, nobody was looking. Rolled up days are kept for longer than their
 * rows. Asked for again now and then, as rows come late and old ones go.
 */
export class FirstRow {
  #atMs: number | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** In milliseconds since the epoch; `null` while nothing is stored. */
  async read(client: PoolClient, nowMs: number): Promise<number | null> {
    if (Math.abs(nowMs - this.#askedMs) >= this.#goodForMs(nowMs)) {
      this.#atMs = await firstRowMs(client);
      this.#askedMs = nowMs;
    }
    return this.#atMs;
  }

  #goodForMs(nowMs: number): number {
    if (this.#atMs === null) return SECOND_MS;
    return nowMs - this.#atMs < DAY_MS ? MINUTE_MS : HOUR_MS;
  }
}

async function firstRowMs(client: PoolClient): Promise<number | null> {
  const { rows } = await client.query<{ row: number | null; day: number | null }>(FIRST);
  const { row = null, day = null } = rows[0] ?? {};
  // A day begins before its first row: it counts only where the rows of that day are gone.
  const atMs = day !== null && (row === null || day + DAY_MS <= row) ? day : row;
  // Other writers may have put any time there that Postgres knows.
  return atMs !== null && Number.isFinite(atMs) ? Math.max(0, Math.floor(atMs)) : null;
}

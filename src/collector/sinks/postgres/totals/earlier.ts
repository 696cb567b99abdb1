import type { ClientBase } from 'pg';
import type { Attributes, Point } from '../../../../core/frame.ts';
import { fromMeasured, fromRetracted, PointSum, SERVICE, storedKind } from '../../../../core/measured.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { WINDOW_KEPT_MS } from '../schema/retention.ts';
import type { BatchFacts, SentBatch } from '../spool/batch.ts';
import type { WaitingFacts } from '../spool/segments.ts';

/** What was counted before, to be shown beside what this process counts. */
export interface Earlier {
  /** Of the database's the largest series of each metric first: names are found in that order. */
  readonly totals: readonly Point[];
  /** What was measured of late, in the order of time. */
  readonly window: readonly MeasuredAt[];
  /** The last batch that is known of every process that sent any; of too many the last ones, the latest last. */
  readonly sent: readonly SentBatch[];
}

export interface MeasuredAt {
  readonly atMs: number;
  readonly points: readonly Point[];
}

export interface TotalRow {
  readonly metric: string;
  readonly attributes: Attributes;
  readonly count: number;
  readonly sum: number;
  readonly zero_count: number;
}

/** Processes that sent nothing for so long send nothing again. */
const SENDER_KEPT = '1 day';
/** As many as a collector remembers: each request by OTLP is a sender, and there are millions of them a day. */
const SENDERS_MAX = 100_000;

/** What the database has of it. To be called where all statements see one moment. */
export async function storedEarlier(client: ClientBase, sendersMax = SENDERS_MAX): Promise<Earlier> {
  const { rows: totals } = await client.query<TotalRow>(
    `SELECT metric, attributes, sum(count) AS count, sum(sum) AS sum, sum(zero_count) AS zero_count
     FROM enterprise.totals GROUP BY 1, 2
     ORDER BY sum(sum(count) + sum(sum)) OVER (PARTITION BY metric, attributes - '${SERVICE}') DESC`,
  );
  const { rows: window } = await client.query<{ at: number; measured: unknown }>(
    `SELECT (extract(epoch FROM at) * 1000)::float8 AS at, measured FROM enterprise.nervecenter_window
     WHERE at > now() - make_interval(secs => $1) ORDER BY at`,
    [WINDOW_KEPT_MS / 1000],
  );
  const { rows: senders } = await client.query<{ instance_id: string; batch: number }>(
    `SELECT instance_id, batch::float8 AS batch FROM (
       SELECT * FROM enterprise.nervecenter_senders WHERE seen_at > now() - interval '${SENDER_KEPT}'
       ORDER BY seen_at DESC LIMIT $1
     ) AS latest ORDER BY seen_at`,
    [sendersMax],
  );
  return {
    totals: totals.flatMap(totalPoint),
    window: window.map(({ at, measured }) => ({ atMs: at, points: fromMeasured(measured) })),
    sent: senders.map(({ instance_id, batch }): SentBatch => [instance_id, batch]),
  };
}

/** One and the other, the window in the order of time. */
export function both(one: Earlier, other: Earlier): Earlier {
  return {
    totals: [...one.totals, ...other.totals],
    window: [...one.window, ...other.window].sort((a, b) => a.atMs - b.atMs),
    sent: [...one.sent, ...other.sent],
  };
}

/** Of a writer's batches the last one that is stored, 0 where none is; a writer's batches are stored in order. */
export async function lastStored(client: ClientBase, writer: string): Promise<number> {
  const { rows } = await client.query<{ seq: number | null }>(
    'SELECT max(seq)::float8 AS seq FROM enterprise.nervecenter_batches WHERE writer = $1',
    [writer],
  );
  return rows[0]?.seq ?? 0;
}

/** Adds up what batches that wait to be stored say of themselves. */
export class WaitingSum {
  readonly #totals = new PointSum();
  readonly #window = new Map<number, PointSum>();
  readonly #sent = new Map<string, number>();
  readonly #windowFromMs: number;

  constructor(nowMs: number) {
    this.#windowFromMs = nowMs - WINDOW_KEPT_MS;
  }

  /** @param stored whether it is in the database's figures already. */
  add(facts: BatchFacts, stored: boolean): void {
    const { atMs, measured, retracted, carried, sent } = facts;
    for (const one of sent) this.#note(one);
    if (stored) return;
    this.#totals.add(fromMeasured(carried));
    if (facts.doubtful === true) return;
    const points = fromMeasured(measured);
    const takenBack = fromRetracted(retracted);
    this.#totals.add(points).add(takenBack.map(timeless));
    this.#addToWindow(atMs, points);
    for (const point of takenBack) this.#addToWindow(point.countedMs ?? 0, [point]);
  }

  #addToWindow(atMs: number, points: readonly Point[]): void {
    if (atMs <= this.#windowFromMs) return;
    const second = Math.floor(atMs / SECOND_MS) * SECOND_MS;
    this.#window.set(second, (this.#window.get(second) ?? new PointSum()).add(points));
  }

  take(): Earlier {
    const window = [...this.#window].sort(([a], [b]) => a - b);
    return {
      totals: this.#totals.take().map(withoutBuckets),
      window: window.map(([atMs, sum]) => ({ atMs, points: sum.take() })),
      sent: this.#takeSent(),
    };
  }

  #takeSent(): SentBatch[] {
    const sent = [...this.#sent];
    this.#sent.clear();
    return sent;
  }

  #note([instanceId, batch]: SentBatch): void {
    const last = Math.max(batch, this.#sent.get(instanceId) ?? 0);
    this.#sent.delete(instanceId);
    this.#sent.set(instanceId, last);
  }
}

/** The last batch there of every process. */
export async function sentIn(batches: AsyncIterable<WaitingFacts>): Promise<readonly SentBatch[]> {
  const sum = new WaitingSum(Date.now());
  for await (const { facts } of batches) sum.add(facts, true);
  return sum.take().sent;
}

/** A total as the point that adds it. What no instrument of ours measures is a later version's. */
export function totalPoint({ metric, attributes, count, sum, zero_count: zeroCount }: TotalRow): Point[] {
  const kind = storedKind(metric);
  if (kind === 'counter') return fromMeasured([[metric, attributes, sum]]);
  const histogram = [metric, attributes, count, sum, 0, 0, zeroCount, 0, []] as const;
  return kind === 'histogram' ? fromMeasured([histogram]) : [];
}

function timeless({ countedMs: _, ...point }: Point): Point {
  return point;
}

function withoutBuckets(point: Point): Point {
  return point.kind === 'histogram' ? { ...point, offset: 0, counts: [] } : point;
}

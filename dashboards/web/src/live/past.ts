import { MAX_HISTORY, type MetricsHistory, type Snapshot } from '../../../../src/client/index.ts';
import { isHostMetric } from '../../../../src/core/history/host-metrics.ts';
import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import type { SenderFilter } from '../../../../src/core/history/sender-filter.ts';
import type { KeptAnswer } from '../history/client.ts';

/** System metrics are stored every 15 s: finer there is nothing. */
export const PAST_STEP_MS = 15_000;

type Column = readonly (number | null)[];

/**
 * What the live charts draw: the snapshots that came, and where none came what history has instead. `null` where nothing is
 * known.
 */
export interface LiveHistory {
  readonly timestamps: readonly string[];
  /** How long each point stands for, in milliseconds: a longer silence after it is a gap. */
  readonly stepsMs: readonly number[];
  readonly cpu: Column;
  readonly memory: Column;
  readonly ragLatency: Column;
  readonly ragQueries: Column;
  readonly cacheHitRate: Column;
  readonly cacheLookups: Column;
  readonly wsConnections: Column;
}

type ColumnName = Exclude<keyof LiveHistory, 'timestamps' | 'stepsMs'>;

interface Point extends Readonly<Record<ColumnName, number | null>> {
  readonly timeMs: number;
  readonly stepMs: number;
}

export const NO_PAST: readonly Point[] = [];
export type Past = readonly Point[];

const QUESTIONS = {
  cpu: 'signal=system&measure=avg&metric=cpu_percent',
  memory: 'signal=system&measure=avg&metric=memory_percent',
  // Connections add up over the instances, each of which counts its own.
  connections: 'signal=system&measure=avg&metric=ws_connections&group_by=instance',
  ragSum: 'signal=rag-query&measure=sum',
  ragCount: 'signal=rag-query&measure=count',
  hits: 'signal=cache&measure=hits&cache=rag',
  misses: 'signal=cache&measure=misses&cache=rag',
} as const;

type Answers = Readonly<Record<keyof typeof QUESTIONS, HistoryAnswer>>;

interface Moment {
  readonly snapshot: Snapshot;
  readonly intervalMs: number;
  /** Whose figures. @default everybody's */
  readonly sender?: SenderFilter;
}

/** Asks for the minutes before `snapshot`; rejects when any of it cannot be had. */
export async function askPast(
  ask: (search: string) => Promise<KeptAnswer>,
  { snapshot, intervalMs, sender = { service: null, instance: null } }: Moment,
): Promise<Past> {
  const fromMinutes = Math.ceil((MAX_HISTORY * intervalMs) / 60_000 + snapshot.window_seconds / 60);
  const asked = Object.entries(QUESTIONS).map(async ([name, question]) => {
    const isOfHost = isHostMetric(new URLSearchParams(question).get('metric') ?? '');
    const whose = isOfHost ? '' : narrowing(sender);
    const when = `from=-${fromMinutes}m&to=now&step=${PAST_STEP_MS / 1000}s`;
    const { answer } = await ask(`${question}&${when}${whose}`);
    return [name, answer] as const;
  });
  return pastOf(Object.fromEntries(await Promise.all(asked)) as Answers, snapshot);
}

function narrowing(sender: SenderFilter): string {
  return Object.entries(sender)
    .map(([dimension, value]) => (value === null ? '' : `&${dimension}=${encodeURIComponent(value)}`))
    .join('');
}

/** The points of the past, as the snapshots of then would have had them. */
export function pastOf(answers: Answers, { cache, window_seconds }: Snapshot): Past {
  const points = answers.cpu.series[0]?.points ?? [];
  const column = (name: keyof typeof QUESTIONS) => summed(answers[name]);
  const [cpu, memory, connections] = [column('cpu'), column('memory'), column('connections')];
  const [ragSum, ragCount] = [column('ragSum'), column('ragCount')];
  const buckets = Math.round((window_seconds * 1000) / PAST_STEP_MS);
  const latency = (index: number) => mean(tail(ragSum, index, buckets), tail(ragCount, index, buckets));
  const hits = totalsBefore(column('hits'), cache.rag_hits);
  const misses = totalsBefore(column('misses'), cache.rag_misses);
  return points.slice(buckets).map(([at], shown): Point => {
    const index = shown + buckets;
    // Nothing was there before the first row: the totals of now, whose last minute is in no row yet, say nothing of then.
    const isKnown = typeof cpu[index] === 'number';
    const lookups = isKnown ? (hits[index] ?? 0) + (misses[index] ?? 0) : 0;
    return {
      timeMs: at + PAST_STEP_MS / 2,
      stepMs: PAST_STEP_MS,
      cpu: cpu[index] ?? null,
      memory: memory[index] ?? null,
      ragLatency: latency(index),
      ragQueries: tail(ragCount, index, buckets),
      cacheHitRate: lookups === 0 ? null : ((hits[index] ?? 0) / lookups) * 100,
      cacheLookups: lookups,
      wsConnections: connections[index] ?? null,
    };
  });
}

/** Snapshots and, further than an interval from any of them, points of the past; as long as the live charts are. */
export function liveHistory(past: Past, live: MetricsHistory, intervalMs: number): LiveHistory {
  const times = live.timestamps.map((timestamp) => Date.parse(timestamp));
  const newest = times.at(-1) ?? 0;
  const oldest = newest - (MAX_HISTORY - 1) * intervalMs;
  const missing = past.filter(
    ({ timeMs }) =>
      timeMs >= oldest && timeMs < newest && times.every((time) => Math.abs(time - timeMs) > intervalMs),
  );
  if (missing.length === 0) return { ...live, stepsMs: times.map(() => intervalMs) };
  const seen = times.map((timeMs, index) => snapshotPoint(live, index, { timeMs, stepMs: intervalMs }));
  return columnsOf([...missing, ...seen].sort((a, b) => a.timeMs - b.timeMs));
}

function snapshotPoint(
  live: MetricsHistory,
  index: number,
  when: { readonly timeMs: number; readonly stepMs: number },
): Point {
  return {
    ...when,
    cpu: live.cpu[index] ?? null,
    memory: live.memory[index] ?? null,
    ragLatency: live.ragLatency[index] ?? null,
    ragQueries: live.ragQueries[index] ?? null,
    cacheHitRate: live.cacheHitRate[index] ?? null,
    cacheLookups: live.cacheLookups[index] ?? null,
    wsConnections: live.wsConnections[index] ?? null,
  };
}

function columnsOf(points: readonly Point[]): LiveHistory {
  const column = (name: ColumnName) => points.map((point) => point[name]);
  return {
    timestamps: points.map(({ timeMs }) => new Date(timeMs).toISOString()),
    stepsMs: points.map(({ stepMs }) => stepMs),
    cpu: column('cpu'),
    memory: column('memory'),
    ragLatency: column('ragLatency'),
    ragQueries: column('ragQueries'),
    cacheHitRate: column('cacheHitRate'),
    cacheLookups: column('cacheLookups'),
    wsConnections: column('wsConnections'),
  };
}

/** All series added up, bucket by bucket; `null` where none has a value. */
function summed({ series }: HistoryAnswer): (number | null)[] {
  const length = series[0]?.points.length ?? 0;
  return Array.from({ length }, (_, index) =>
    series.reduce<number | null>((sum, { points }) => {
      const value = points[index]?.[1] ?? null;
      return value === null ? sum : (sum ?? 0) + value;
    }, null),
  );
}

/** What the window that ends with a bucket holds. */
function tail(values: readonly (number | null)[], index: number, buckets: number): number {
  return values
    .slice(Math.max(0, index - buckets + 1), index + 1)
    .reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function mean(sum: number, count: number): number | null {
  return count === 0 ? null : sum / count;
}

/** What a counter stood at after each bucket, from what it stands at now. */
function totalsBefore(added: readonly (number | null)[], now: number): number[] {
  let later = 0;
  const totals = added.map(() => 0);
  for (let index = added.length - 1; index >= 0; index--) {
    totals[index] = Math.max(0, now - later);
    later += added[index] ?? 0;
  }
  return totals;
}

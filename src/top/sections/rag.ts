import { type Totals, totalsOf } from '../../client/totals.ts';
import { HIT_RATE_MIN_PERCENT, RAG_P95_MAX_MS } from '../../client/verdict.ts';
import type { NamedCacheSnapshot, StageSnapshot } from '../../core/snapshot.ts';
import { meter, sparkline, trendWidth } from '../drawing/bars.ts';
import { type Column, table } from '../drawing/table.ts';
import { type Line, pad, type Span, span, wrapped } from '../drawing/text.ts';
import { bytes, count, decimal, percent, timeSpan } from '../figures.ts';
import type { Block, Scene } from '../picture.ts';

const METER_WIDTH = 16;
const STAGES_WANTED = 2;
const WIDE = 70;
const RATES_SHOWN_MAX = 4;

interface Stage extends StageSnapshot {
  readonly name: string;
}

export function ragBlock(scene: Scene, width: number): Block {
  const { rag } = scene.snapshot;
  const stages = Object.entries(rag.stages).map(([name, stage]): Stage => ({ name, ...stage }));
  const { head, rows } = table(STAGE_COLUMNS, stages, width);
  return {
    title: 'RAG',
    summary: summary(scene, width),
    lead: totalsOf(scene.snapshot).isNone(rag.total_queries) ? [] : latencyLines(scene, width),
    ...(rows.length === 0 ? {} : { head }),
    rows,
    rowsWanted: STAGES_WANTED,
    noun: 'stages',
  };
}

function summary({ snapshot, metrics: { history } }: Scene, width: number): readonly Line[] {
  const { rag } = snapshot;
  const totals = totalsOf(snapshot);
  if (totals.isNone(rag.total_queries)) return [[span('no query seen yet', 'muted')]];
  // An older collector does not say how many told their chunks.
  const hasChunks = rag.chunks_told_window > 0 || rag.avg_chunks > 0;
  const hasZeroRate = !totals.isNone(rag.chunks_told_total) || rag.zero_chunk_rate > 0;
  const courses = history.ragLatency.map((latency, i) => (history.ragQueries[i] === 0 ? null : latency));
  const trend = sparkline(courses, trendWidth(width));
  return [
    [
      span(totals.text(rag.total_queries, count), 'strong'),
      span(' queries'),
      span(trend === '' ? '' : ` ${trend}`, 'good'),
    ],
    [span(hasChunks ? decimal(rag.avg_chunks) : '–'), span(' chunks', 'muted')],
    [span(hasZeroRate ? totals.text(rag.zero_chunk_rate, percent) : '–'), span(' found nothing', 'muted')],
    [
      span(totals.text(rag.error_count, count), rag.error_count > 0 ? 'warning' : 'ink'),
      span(' errors', 'muted'),
    ],
  ];
}

function latencyLines({ snapshot: { rag } }: Scene, width: number): readonly Line[] {
  const slow = rag.latency_p95_ms > RAG_P95_MAX_MS ? 'degraded' : 'ink';
  return wrapped(
    [
      [span('avg ', 'muted'), span(timeSpan(rag.latency_avg_ms))],
      [span('p50 ', 'muted'), span(timeSpan(rag.latency_p50_ms))],
      [span('p95 ', 'muted'), span(timeSpan(rag.latency_p95_ms), slow)],
      [span('p99 ', 'muted'), span(timeSpan(rag.latency_p99_ms))],
      [span(count(rag.window_count)), span(' in the window', 'muted')],
    ],
    width,
  );
}

const STAGE_COLUMNS: readonly Column<Stage>[] = [
  { title: 'STAGE', rank: 0, cell: ({ name }) => span(name) },
  { title: 'RUNS', rank: 3, cell: (stage) => span(count(stage.count), 'muted') },
  { title: 'AVG', rank: 0, cell: ({ avg_ms }) => span(timeSpan(avg_ms)) },
  { title: 'P50', rank: 2, cell: ({ p50_ms }) => span(timeSpan(p50_ms), 'muted') },
  { title: 'P95', rank: 0, cell: ({ p95_ms }) => span(timeSpan(p95_ms)) },
  { title: 'P99', rank: 1, cell: ({ p99_ms }) => span(timeSpan(p99_ms), 'muted') },
];

interface Cache extends NamedCacheSnapshot {
  readonly name: string;
}

export function cacheBlock({ snapshot }: Scene, width: number): Block {
  const totals = totalsOf(snapshot);
  const caches = Object.entries(snapshot.cache.caches)
    .map(([name, one]): Cache => ({ name, ...one }))
    .filter(({ hits, misses, keys_count }) => hits + misses + keys_count > 0);
  const { head, rows } = table(cacheColumns(totals), caches, width - (width < WIDE ? 0 : METER_WIDTH + 2));
  const withMeters =
    width < WIDE ? rows : rows.map((row, i) => [...row, span('  '), ...rateMeter(totals, caches[i])]);
  return {
    title: 'Caches',
    summary:
      caches.length === 0
        ? [[span(totals.hint || 'no look-up seen yet', 'muted')]]
        : caches.slice(0, RATES_SHOWN_MAX).map((one) => rateLine(totals, one)),
    ...(rows.length === 0 ? {} : { head }),
    rows: withMeters,
    rowsWanted: 0,
    noun: 'caches',
  };
}

function rateLine(totals: Totals, one: Cache): Line {
  return [span(`${one.name} `), rateSpan(totals, one), span(' hits', 'muted')];
}

function rateSpan(totals: Totals, one: Cache): Span {
  return span(totals.text(one.hit_rate, percent), totals.known ? rateTone(one) : 'ink');
}

/** Without a look-up the rate is 0 and says nothing. */
function rateTone({ hits, misses, hit_rate }: Cache) {
  return hits + misses > 0 && hit_rate < HIT_RATE_MIN_PERCENT ? 'degraded' : 'good';
}

function rateMeter(totals: Totals, cache: Cache | undefined): Line {
  if (cache === undefined || !totals.known || cache.hits + cache.misses === 0)
    return [pad(span(''), METER_WIDTH, 'left')];
  return meter(cache.hit_rate, METER_WIDTH, rateTone(cache));
}

const cacheColumns = (totals: Totals): readonly Column<Cache>[] => [
  { title: 'CACHE', rank: 0, cell: ({ name }) => span(name) },
  { title: 'HITS', rank: 1, cell: ({ hits }) => span(totals.text(hits, count)) },
  { title: 'MISSES', rank: 1, cell: ({ misses }) => span(totals.text(misses, count)) },
  { title: 'KEYS', rank: 2, cell: (one) => span(one.keys_count === 0 ? '' : count(one.keys_count), 'muted') },
  {
    title: 'MEMORY',
    rank: 2,
    cell: (one) => span(one.memory_used_bytes === 0 ? '' : bytes(one.memory_used_bytes), 'muted'),
  },
  { title: 'HIT RATE', rank: 0, cell: (one) => rateSpan(totals, one) },
];

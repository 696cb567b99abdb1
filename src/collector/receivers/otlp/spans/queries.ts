import { type StageRun, StageTimes } from '../../../../core/rag/stage-times.ts';
import { GENERATION, stageOfOperation, VECTOR_SEARCH } from '../../../../core/signals/rag-query.ts';
import { type Milliseconds, milliseconds } from '../../../../core/units.ts';
import { failureOf } from '../dialects/calls.ts';
import type { QueryFacts, RetrievalFacts } from '../dialects/dialect.ts';
import type { SpanReading } from '../dialects/index.ts';
import { withKeptFacts } from '../dialects/nervecenter.ts';
import type { OtlpSpan } from '../model.ts';
import type { SpanNode, Trace } from './trace.ts';

/** A query, as far as its parts are known. */
export interface Query {
  readonly anchor: SpanNode;
  /** Whose work it was: the span around it, else that of its first retrieval. */
  readonly owner: SpanNode;
  readonly startMs: number;
  readonly endMs: number;
  readonly stages: Record<string, Milliseconds>;
  readonly facts: QueryFacts;
  readonly errorType: string | null;
}

/** One run of one stage. */
interface Part {
  readonly node: SpanNode;
  readonly span: OtlpSpan;
  readonly stage: string;
}

/**
 * Decides which queries the spans are parts of. A query is a retrieval with what belongs to it: the embeddings, ranking
 * and generation below the nearest span around all of them. A generation alone is none.
 */
export function decideQueries(trace: Trace): Query[] {
  if (trace.counts.searches === 0) return [];
  const nodes = [...trace.nodes.values()];
  const parts = nodes.flatMap(partOf).sort(byTime);
  const retrievals = parts.filter(({ node }) => isRetrieval(node) && !isInside(node, isRetrieval));
  const queries = nodes.filter(({ reading }) => reading?.role === 'query');
  const below = stagesBelow(parts);
  const anchors = new Set(queries);
  for (const { node } of retrievals) anchors.add(anchorOf(node, below));
  const groups = groupsOf(parts, anchors);
  return [...anchors].flatMap((anchor) => queryOf(anchor, groups.get(anchor) ?? []));
}

/** Always in one order, whatever the order in which they came. */
function byTime(one: Part, other: Part): number {
  return one.span.startMs - other.span.startMs || (one.node.id < other.node.id ? -1 : 1);
}

function partOf(node: SpanNode): Part[] {
  const { span } = node;
  if (span === null) return [];
  if (isRetrieval(node)) return [{ node, span, stage: VECTOR_SEARCH }];
  const named = node.reading?.dialect.stageOf;
  if (node.reading?.role === 'stage' && named !== undefined) return [{ node, span, stage: named(span) }];
  if (node.call?.isInnermost !== true) return [];
  const stage = stageOfOperation(node.call.operation);
  return stage === null ? [] : [{ node, span, stage }];
}

function isRetrieval({ reading }: SpanNode): boolean {
  return reading?.role === 'retrieval';
}

function isInside(node: SpanNode, isIt: (above: SpanNode) => boolean): boolean {
  for (const above of node.parent?.up() ?? []) if (isIt(above)) return true;
  return false;
}

const GENERATION_BELOW = 1;
const OTHER_STAGE_BELOW = 2;

/** What is below each span besides retrievals; what is inside a retrieval is its own affair. */
function stagesBelow(parts: readonly Part[]): Map<SpanNode, number> {
  const below = new Map<SpanNode, number>();
  for (const { node, stage } of parts) {
    if (node.reading?.role !== 'call') continue;
    const bit = stage === GENERATION ? GENERATION_BELOW : OTHER_STAGE_BELOW;
    for (const above of node.parent?.up() ?? []) {
      const known = below.get(above) ?? 0;
      // Who knows has told those above already.
      if (isRetrieval(above) || (known & bit) !== 0) break;
      below.set(above, known | bit);
    }
  }
  return below;
}

/**
 * What a retrieval's query is: a span around it that says so; else the nearest one with a generation below, or some
 * other stage. The span of a server serves more than a query, and of one that has not come nobody knows what it is: both
 * only where there is nothing else. Alone a retrieval is a query by itself.
 */
function anchorOf(retrieval: SpanNode, below: ReadonlyMap<SpanNode, number>): SpanNode {
  let other: SpanNode | null = null;
  let last: SpanNode | null = null;
  for (const above of retrieval.parent?.up() ?? []) {
    if (above.reading?.role === 'query') return above;
    const stages = below.get(above) ?? 0;
    if (stages === 0) continue;
    if (above.span === null || isServing(above.span)) {
      last ??= above;
      continue;
    }
    if ((stages & GENERATION_BELOW) !== 0) return above;
    other ??= above;
  }
  return other ?? last ?? retrieval;
}

function isServing({ kind }: OtlpSpan): boolean {
  return kind === 'server' || kind === 'consumer';
}

/** Each part belongs to the nearest query around it. */
function groupsOf(parts: readonly Part[], anchors: ReadonlySet<SpanNode>): Map<SpanNode, Part[]> {
  const groups = new Map<SpanNode, Part[]>();
  for (const part of parts) {
    for (const above of part.node.up()) {
      if (!anchors.has(above)) continue;
      const group = groups.get(above);
      if (group === undefined) groups.set(above, [part]);
      else group.push(part);
      break;
    }
  }
  return groups;
}

function queryOf(anchor: SpanNode, parts: Part[]): Query[] {
  const retrievals = parts
    .filter(({ node }) => isRetrieval(node))
    .sort((a, b) => a.span.endMs - b.span.endMs);
  const around = anchor.span !== null && !isServing(anchor.span) ? anchor.span : null;
  const [first] = retrievals;
  const owner = around === null ? first?.node : anchor;
  if (owner === undefined) return [];
  const startMs = around?.startMs ?? Math.min(...parts.map(({ span }) => span.startMs));
  const endMs = Math.max(startMs, around?.endMs ?? Math.max(...parts.map(({ span }) => span.endMs)));
  const failed = [around, ...retrievals.map(({ span }) => span)].find((span) => span?.status === 'error');
  return [
    {
      anchor,
      owner,
      startMs,
      endMs,
      stages: stagesOf(parts, { startMs, endMs, isKnown: anchor.reading?.role === 'query' }),
      facts:
        (anchor.span === null ? undefined : anchor.reading?.dialect.query?.(anchor.span)) ??
        foundBy(retrievals),
      errorType: failed === undefined || failed === null ? null : failureOf(failed),
    },
  ];
}

/** What a span says that a retrieval found, `null` where it is none. */
export function retrievalFacts(span: OtlpSpan, reading: SpanReading | null): RetrievalFacts | null {
  const read = reading?.role === 'retrieval' ? reading.dialect.retrieval?.(span) : undefined;
  return read === undefined ? null : withKeptFacts(span, read);
}

const NOTHING_FOUND: QueryFacts = {
  chunksRetrieved: null,
  chunksUsed: null,
  cacheHit: null,
  embeddingCacheHit: null,
  topScore: null,
  avgScore: null,
  threshold: null,
  queryHash: null,
};

/** As the agent has it: the last search to end says how much was found, and the last with scores how good it was. */
function foundBy(retrievals: readonly Part[]): QueryFacts {
  let facts = NOTHING_FOUND;
  for (const { span, node } of retrievals) {
    const found = retrievalFacts(span, node.reading);
    if (found === null) continue;
    facts = {
      ...facts,
      chunksRetrieved: found.chunks ?? facts.chunksRetrieved,
      topScore: found.scores?.top ?? facts.topScore,
      avgScore: found.scores?.average ?? facts.avgScore,
      queryHash: facts.queryHash ?? found.queryHash,
    };
  }
  return facts;
}

interface Work {
  readonly startMs: number;
  readonly endMs: number;
  /** Its sender knows its stages itself; there may be none. */
  readonly isKnown: boolean;
}

/** As a sender says that knows them itself, else by the spans of the work. */
function stagesOf(parts: readonly Part[], { startMs, endMs, isKnown }: Work): Record<string, Milliseconds> {
  const told = parts.filter(({ node }) => node.reading?.role === 'stage');
  if (told.length === 0 && !isKnown) return stageTimes(parts, startMs, endMs);
  return Object.fromEntries(
    told.map(({ stage, span }) => [stage, milliseconds(Math.max(0, span.endMs - span.startMs))]),
  );
}

interface Boundary {
  readonly atMs: number;
  readonly part: Part;
  readonly depth: number;
  readonly begins: boolean;
  /** It ends when it begins: there is no boundary for its end. */
  readonly isInstant: boolean;
}

/** Times of stages by the agent's rules: of a moment all that run have an equal share, and those around others nothing. */
function stageTimes(parts: readonly Part[], startMs: number, endMs: number): Record<string, Milliseconds> {
  const times = new StageTimes();
  const runs = new Map<SpanNode, StageRun>();
  for (const { atMs, part, begins, isInstant } of boundariesOf(parts, startMs, endMs)) {
    const run = runs.get(part.node);
    if (!begins) {
      if (run !== undefined) times.end(run, milliseconds(atMs - startMs));
      continue;
    }
    const begun = times.begin(part.stage, outerRun(part.node, runs), milliseconds(atMs - startMs));
    if (isInstant) times.end(begun, milliseconds(atMs - startMs));
    else runs.set(part.node, begun);
  }
  return times.close(milliseconds(endMs - startMs));
}

function outerRun(node: SpanNode, runs: ReadonlyMap<SpanNode, StageRun>): StageRun | null {
  for (const above of node.parent?.up() ?? []) {
    const run = runs.get(above);
    if (run !== undefined) return run;
  }
  return null;
}

/** In time; at one moment ends come before beginnings, and of beginnings the outer first. */
function boundariesOf(parts: readonly Part[], startMs: number, endMs: number): Boundary[] {
  const within = (timeMs: number) => Math.min(endMs, Math.max(startMs, timeMs));
  const boundaries = parts.flatMap((part): Boundary[] => {
    const depth = part.node.depth;
    const from = within(part.span.startMs);
    const until = Math.max(from, within(part.span.endMs));
    const isInstant = from === until;
    const beginning = { atMs: from, part, depth, begins: true, isInstant };
    return isInstant ? [beginning] : [beginning, { ...beginning, atMs: until, begins: false }];
  });
  return boundaries.sort(
    (one, other) =>
      one.atMs - other.atMs ||
      Number(one.begins) - Number(other.begins) ||
      (one.begins ? one.depth - other.depth : other.depth - one.depth) ||
      (one.part.node.id < other.part.node.id ? -1 : 1),
  );
}

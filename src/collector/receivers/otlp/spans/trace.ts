import type { Via } from '../../../../core/passage.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import type { Milliseconds } from '../../../../core/units.ts';
import type { SpanRole } from '../dialects/dialect.ts';
import type { SpanReading } from '../dialects/index.ts';
import { type CallFamily, familyOf } from '../dialects/operations.ts';
import type { OtlpSpan } from '../model.ts';

const NOTHING: readonly never[] = [];
const FAMILY_BITS: Readonly<Record<CallFamily, number>> = { generation: 1, embeddings: 2, rerank: 4 };
/**
 * How far up from a span it is looked. Spans of broken senders can be their own ancestors, and deciding takes the longer the
 * more there are above each call.
 */
export const DEPTH_MAX = 100;

/** A request's bytes, which are in memory as long as one of its spans is held, and which collectors it has passed through. */
export interface Delivery {
  readonly bytes: number;
  readonly via: Via;
  held: number;
  /** Whether what it tells at once was offered: what is decided of its spans is to come after that. */
  offered: boolean;
}

/** What of a call has to be known as long as its trace is. */
export interface KnownCall {
  /** In the words of `gen_ai.operation.name`. */
  readonly operation: string;
  /** See `CallFacts`. */
  readonly responseId: string | null;
  /** Nobody was called: it is a stage of a query at most. */
  readonly isOnlyAStage: boolean;
  /** Whether it is one of the innermost, as far as its trace is known. */
  isInnermost: boolean;
}

/** Where a span stands in its trace; also of spans that are only named by their children so far. */
export class SpanNode {
  readonly id: string;
  parent: SpanNode | null = null;
  /** The span, once it has come; when its trace is decided what may be needed of it later. */
  span: OtlpSpan | null = null;
  reading: SpanReading | null = null;
  delivery: Delivery | null = null;
  state: 'named' | 'held' | 'decided' = 'named';
  /** In which of its trace's rounds somebody below it in the same process has come, and it had not. */
  awaitedIn = -1;
  /** Of a call: the bit of its family. */
  family = 0;
  /** Families of the calls below it. */
  callsBelow = 0;
  /** What is known of it, if it was one of the innermost calls when its trace was decided. */
  call: KnownCall | null = null;
  /** The process one of whose requests below it was told. */
  servedBelow: string | null = null;

  constructor(id: string) {
    this.id = id;
  }

  /** How many are on the way up from here, itself included. */
  get depth(): number {
    let depth = 0;
    for (let node: SpanNode | null = this; node !== null && depth < DEPTH_MAX; node = node.parent) depth++;
    return depth;
  }

  /** From here up, itself first. */
  *up(): Generator<SpanNode> {
    let node: SpanNode | null = this;
    for (let depth = 0; node !== null && depth < DEPTH_MAX; depth++) {
      yield node;
      node = node.parent;
    }
  }
}

/** A span may be told as several signals. */
export function toldKey(signal: NervecenterEvent['signal'], spanId: string): string {
  return `${signal} ${spanId}`;
}

/** Work enters a process there: what is above it may never come here. */
export function isEntry({ kind, parentSpanId }: OtlpSpan): boolean {
  return parentSpanId === null || kind === 'server' || kind === 'consumer';
}

/** What is above it is of the same request, where it is of the same process. */
export function leadsInside({ kind }: OtlpSpan): boolean {
  return kind !== 'client' && kind !== 'producer';
}

/** What was told of a span. */
export interface Told {
  /** `null`: it was told before this process began, and nobody knows how. */
  readonly event: NervecenterEvent | null;
  /** When, in milliseconds since the epoch. */
  readonly atMs: Milliseconds;
  /** False where somebody else tells the same, and it does not count. */
  readonly counted: boolean;
  /** It is known by its row only. */
  readonly stored: boolean;
}

/** As what a span with this role is told when it comes; `null`: it is not. */
export function signalAtOnce(role: SpanRole | undefined): 'request' | 'ws-session' | null {
  if (role === 'request') return 'request';
  return role === 'session' ? 'ws-session' : null;
}

/** What is told when it comes, or never: no part of what is decided later. */
function isWhole(role: SpanRole): boolean {
  return signalAtOnce(role) !== null || role === 'rollup' || role === 'tool';
}

/** What is known of one trace: who is whose parent, what was told, and the spans that are not decided yet. */
export class Trace {
  readonly id: string;
  readonly nodes = new Map<string, SpanNode>();
  /** Nodes whose spans are not decided yet, in the order they came. */
  readonly held: SpanNode[] = [];
  /** How many of them are told as spans to be kept; those after them came since. */
  heldKept = 0;
  /** What was told of its spans, by `toldKey`. */
  readonly told = new Map<string, Told>();
  /** Signals that somebody else tells of it, in events that no span here makes. */
  toldByOthers: readonly NervecenterEvent['signal'][] = NOTHING;
  /** Ids of the events that were taken back: their rows may still be there for a while. */
  retracted: Set<string> | null = null;
  /** When the first and the last span came of those that are held. */
  firstMs = 0;
  lastMs = 0;
  /** Whether its spans are kept, and whether it may still turn out so for those to come. */
  kept = false;
  /** A call or a part of a query has come. */
  hasParts = false;
  /** How many parents must still come, because somebody below them in the same process has. */
  #awaited = 0;
  /** How often it was decided, since it is known or was known again. */
  #round: number;
  /** How many of its spans are calls, retrievals or queries, and requests or sessions. */
  readonly counts = { calls: 0, searches: 0, atOnce: 0 };

  constructor(id: string, wasDecided = false) {
    this.id = id;
    this.#round = wasDecided ? 1 : 0;
  }

  /** Whether nothing that ends later is known to be missing. */
  get isWhole(): boolean {
    return this.#awaited === 0;
  }

  /** Whether all that is known of it came of late, with every parent that is named. */
  get isRooted(): boolean {
    return this.held.length === this.nodes.size;
  }

  /** Whether what its spans told then was decided; what comes since is late. */
  get wasDecided(): boolean {
    return this.#round > 0;
  }

  /** @returns `null` when this span is here already. */
  add(span: OtlpSpan, reading: SpanReading | null): SpanNode | null {
    const node = this.nodeOf(span.spanId);
    if (node.state !== 'named') return null;
    node.state = 'held';
    node.span = span;
    node.reading = reading;
    if (node.awaitedIn === this.#round) this.#awaited--;
    this.held.push(node);
    this.#linkUp(node, span);
    if (reading !== null) this.#note(node, span, reading);
    return node;
  }

  /**
   * Lets go of what is decided but for who stands where, and what may be needed of it later. Parents that have not come are
   * waited for no longer.
   */
  release(remembered: (node: SpanNode, span: OtlpSpan) => OtlpSpan): void {
    for (const node of this.held) {
      node.span = node.span && remembered(node, node.span);
      node.state = 'decided';
    }
    this.held.length = 0;
    this.heldKept = 0;
    this.#awaited = 0;
    this.#round++;
  }

  /** One that is only named so far, where it is not known. */
  nodeOf(id: string): SpanNode {
    let node = this.nodes.get(id);
    if (node === undefined) {
      node = new SpanNode(id);
      this.nodes.set(id, node);
    }
    return node;
  }

  #linkUp(node: SpanNode, span: OtlpSpan): void {
    if (span.parentSpanId === null || span.parentSpanId === span.spanId) return;
    const parent = this.nodeOf(span.parentSpanId);
    node.parent = parent;
    if (parent.state === 'named' && parent.awaitedIn !== this.#round && !isEntry(span)) {
      parent.awaitedIn = this.#round;
      this.#awaited++;
    }
    if (node.callsBelow !== 0) markAbove(node, node.callsBelow);
    if (leadsInside(span)) parent.servedBelow ??= node.servedBelow;
  }

  #note(node: SpanNode, span: OtlpSpan, { role, dialect }: SpanReading): void {
    if (!isWhole(role)) this.hasParts = true;
    if (role === 'retrieval' || role === 'query') this.counts.searches++;
    if (signalAtOnce(role) !== null) this.counts.atOnce++;
    if (role !== 'call') return;
    this.counts.calls++;
    node.family = FAMILY_BITS[familyOf(dialect.operationOf?.(span) ?? '')];
    markAbove(node, node.family);
  }
}

/** Tells all above that such calls are below them; who knows has told those above already. */
function markAbove(from: SpanNode, families: number): void {
  for (let node = from.parent; node !== null && (node.callsBelow & families) !== families; node = node.parent)
    node.callsBelow |= families;
}

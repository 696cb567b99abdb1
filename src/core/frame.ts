import type { Sender } from './event.ts';
import type { PackedRequests } from './packed-requests.ts';
import type { Disagreement, Holder, Leaving, Place } from './place.ts';
import type { NervecenterEvent } from './signals/index.ts';
import type { Milliseconds } from './units.ts';

/**
 * The wire between agent and collector. A frame is what the agent's instruments measured in one interval: deltas of
 * counters and histograms, current values of gauges and up-down counters. Frames of any number of agents and intervals
 * merge exactly by addition.
 */
export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

interface PointBase {
  readonly name: string;
  /** UCUM unit as OpenTelemetry writes it (`s`, `By`, `{token}`), empty when there is none. */
  readonly unit: string;
  readonly description: string;
  readonly attributes: Attributes;
  /** Whose it is. Set by the collector, as on events; read back from storage it names the service only. */
  readonly sender?: Sender;
  /**
   * Of figures that are taken back, which are negative: when they were counted, in milliseconds since the Unix epoch. Set by
   * the collector.
   */
  readonly countedMs?: number;
}

/** A counter: `value` is what was added during the interval. */
export interface CounterPoint extends PointBase {
  readonly kind: 'counter';
  readonly value: number;
}

/** A gauge or an up-down counter: `value` is its value at the end of the interval. */
export interface GaugePoint extends PointBase {
  readonly kind: 'gauge';
  readonly value: number;
}

/** One of the values of a series, with the trace in which it was measured. */
export interface Exemplar {
  readonly value: number;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  readonly timeMs: number;
}

/** A base-2 exponential histogram of the interval at scale `HISTOGRAM_SCALE` (histogram.ts): `counts[i]` is bucket `offset + i`. */
export interface HistogramPoint extends PointBase {
  readonly kind: 'histogram';
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly zeroCount: number;
  readonly offset: number;
  readonly counts: readonly number[];
  /** The largest value of the interval that was measured in a trace; absent where none was. */
  readonly exemplar?: Exemplar;
}

export type Point = CounterPoint | GaugePoint | HistogramPoint;

/** Events the agent could not hand over, by reason, since it started. */
export type DropCounts = Readonly<Record<string, number>>;

export interface Frame {
  readonly seq: number;
  readonly endMs: Milliseconds;
  readonly points: readonly Point[];
  /** Running totals of the agent itself, since its start. */
  readonly dropped: DropCounts;
  /** When the next frame comes, where that is not after `frameIntervalMs` of its source. */
  readonly nextInMs?: Milliseconds;
}

/** Who sends: `instanceId` is a UUID per process. */
export interface Source {
  readonly service: string;
  readonly instanceId: string;
  readonly host: string;
  readonly pid: number;
  /** What is observed in that process as far as it was known then, for the start notice. */
  readonly instrumentations: readonly string[];
  /** What it has and nothing is seen of. */
  readonly unseen?: readonly string[];
  /** What its SDK says of the process: of an agent where its spans are sent, of a sender by OTLP as far as it is kept. */
  readonly resource?: Attributes;
  /** How often this agent sends a frame unless a frame says otherwise; the collector judges by it whether the agent's event loop is late. */
  readonly frameIntervalMs: Milliseconds;
}

/** Events as records, one piece of a ring (`link/ring`) after the other. */
export interface RecordsMessage {
  readonly type: 'records';
  /** Of all bytes of the ring, how many there are up to its end. What is accepted is accepted up to there. */
  readonly batch: number;
  /** Some of it was sent before, to a collector that may have accepted it. */
  readonly again: boolean;
  /** Of all bytes of the ring, how many there are before the segment that it is of. */
  readonly segment: number;
  /** Where in the segment its bytes begin. */
  readonly at: number;
  /** Of its bytes, how many were handed over before: they come again for the names in them. */
  readonly known: number;
  readonly records: Uint8Array;
}

/** What agents send that know no records. */
export interface EventsMessage {
  readonly type: 'events';
  /** Numbers of one process rise, and a batch keeps its number when it is sent again. */
  readonly batch: number;
  /** It was sent before, to a collector that may have accepted it. */
  readonly again: boolean;
  /** Requests, packed; the other events as they are. */
  readonly requests?: PackedRequests;
  readonly events: readonly NervecenterEvent[];
}

export type AgentMessage =
  | {
      readonly type: 'hello';
      readonly source: Source;
      readonly place?: Place;
      /** Who takes this process takes what is left there as well. */
      readonly leaving?: Leaving;
    }
  /** Instead of `hello`: a collector that runs alone asks who has the port. */
  | { readonly type: 'who' }
  /** Then it asks for the port. */
  | { readonly type: 'claim' }
  /** Instead of `hello`: a person who wants what `place` says looks for the dashboard. */
  | { readonly type: 'where'; readonly place: Place }
  /** From agents of before, and to collectors of before. */
  | { readonly type: 'frame'; readonly frame: Frame }
  | RecordsMessage
  /** A frame as `core/frames` writes it; it may need those before it on the same link. */
  | { readonly type: 'frame-bytes'; readonly bytes: Uint8Array; readonly nextInMs?: Milliseconds }
  | EventsMessage
  | { readonly type: 'ask'; readonly ask: number; readonly what: 'snapshot' | 'health' }
  /** Last message: store what there is and confirm through the link's own means. */
  | { readonly type: 'goodbye' };

export type CollectorMessage =
  /** The answer to `hello`: the collector is up and takes what this agent sends. */
  | {
      readonly type: 'welcome';
      readonly holder?: Holder;
      readonly takesBytes?: true;
      /** It waits for a frame as long as the one before says. */
      readonly awaitsNext?: true;
    }
  /** The other answer to it: this agent wants something else, and goes. */
  | { readonly type: 'refused'; readonly holder: Holder; readonly why: Disagreement }
  /** The answer to `who` and to `claim`. */
  | { readonly type: 'held'; readonly holder: Holder }
  /** The answer to `where`. `login` is where a person looks first; `why` says why it is not the one that was meant. */
  | {
      readonly type: 'here';
      readonly holder: Holder;
      readonly login: string;
      readonly why: Disagreement | null;
    }
  /** It stops, because a collector that runs alone takes its place, and takes nothing more. */
  | { readonly type: 'handing-over' }
  /** The collector has taken responsibility for a batch. */
  | { readonly type: 'accepted'; readonly batch: number }
  | { readonly type: 'answer'; readonly ask: number; readonly value: unknown }
  | { readonly type: 'started'; readonly notice: string }
  | { readonly type: 'failed'; readonly notice: string; readonly portTaken: boolean };

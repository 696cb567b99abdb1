import type { Meter } from '@opentelemetry/api';
import { describeError, NervecenterError } from '../../../core/errors.ts';
import type { Point, Source } from '../../../core/frame.ts';
import { FOLDED_LABEL, FOLDED_LABELS } from '../../../core/llm/labels.ts';
import { NO_VIA, type Passage, type Via } from '../../../core/passage.ts';
import type { NervecenterEvent, SignalName } from '../../../core/signals/index.ts';
import { type CounterSpec, counterOf } from '../../../core/signals/instruments.ts';
import type { StoredTrace } from '../../../core/signals/span.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { UserHeaders } from '../../../core/user-headers.ts';
import { Condition } from '../../condition.ts';
import type { Log } from '../../log.ts';
import type { SentBatches } from '../sent-batches.ts';
import { DecidedOffers } from './decided-offers.ts';
import { otlpLabels } from './labels.ts';
import { OtlpLogs } from './logs/otlp-logs.ts';
import { OtlpMetrics } from './metrics/otlp-metrics.ts';
import type {
  OtlpConsumer,
  OtlpDelivery,
  OtlpLogRecord,
  OtlpMetric,
  OtlpRejected,
  OtlpSpan,
} from './model.ts';
import { inPieces, LAST_PIECE, type Piece, piecesOf } from './pieces.ts';
import { Refusals } from './refusals.ts';
import { sourceOfResource } from './sender.ts';
import { TICK_MS, TraceAssembler } from './spans/assembler.ts';
import type { EarlierRequests } from './spans/earlier-requests.ts';
import type { ToldEvent } from './spans/telling.ts';
import { Subjects } from './subjects.ts';

/** What became of what OTLP senders sent; refused ones are told to the sender as well. */
export const OTLP_OUTCOMES: CounterSpec = {
  name: 'nervecenter.otlp.outcomes',
  kind: 'counter',
  unit: '{record}',
  description: 'Metric points, log records and undecidable spans received by OTLP, by signal and outcome.',
};

/** Exceptions that apps tell of as log records. */
export const OTLP_EXCEPTIONS: CounterSpec = {
  name: 'nervecenter.otlp.exceptions',
  kind: 'counter',
  unit: '{exception}',
  description: 'Exceptions in log records received by OTLP, by service.name and exception.type.',
};

/** A request that was received, to be sent on. */
export interface Forwarded extends Pick<OtlpDelivery, 'encoding' | 'body' | 'via' | 'digest'> {
  readonly signal: 'traces' | 'logs';
  readonly records: number;
}

/** Where what comes by OTLP goes. */
export interface OtlpSink {
  /** Whether so much waits to be accepted that no more should come now. */
  readonly crowded: boolean;
  /** Returns false when there are too many processes already. @param via what the request has passed through that names it. */
  join(source: Source, via: Via): boolean;
  /** Takes points that totals are kept of; they say who sent them. */
  addLasting(points: readonly Point[]): void;
  /** Takes the other points, and the news that an instance is alive; returns those that were not taken. */
  merge(instanceId: string, points: readonly Point[]): readonly Point[];
  /** Resolves once they are accepted. Never rejects. @param sent whose batch they are, and which. */
  offer(
    events: readonly NervecenterEvent[],
    passage: Passage,
    sent?: readonly [string, number],
  ): Promise<void>;
  /** Whether an agent in the process of a sender tells of the same in events of its own. */
  toldByAgent(source: Source, subject: SignalName): boolean;
  /** The same where the sender says for sure which process it is: there spans repeat what the agent tells, too. */
  spansToldByAgent(source: Source, subject: SignalName): boolean;
  /** Resolves once all is accepted that was offered so far. */
  offered(): Promise<void>;
  /** Sends on what was received, as it came. Resolves when that is safe. Never rejects. `null`: nothing is sent. */
  readonly forward: ((request: Forwarded) => Promise<void>) | null;
  /** Which batches were accepted, here or by the collector before: of processes, and the pieces of a request by its digest. */
  readonly sentBatches: SentBatches;
}

export interface OtlpAcceptanceOptions {
  readonly sink: OtlpSink;
  readonly meter: Meter;
  readonly userHeaders: UserHeaders | null;
  readonly keepsSpans: boolean;
  /** Which requests were accepted by a collector before; `null` where nothing is stored. @default null */
  readonly earlier?: EarlierRequests | null;
  /** @default nothing is written */
  readonly log?: Log;
  /** @default the clock's time */
  readonly now?: () => number;
}

const RELEASE_MS = SECOND_MS;
const NO_LOG: Log = () => {};
const TOO_MANY_INSTANCES = 'of more processes than are followed';

/** Accepts what OTLP senders send: as events, as points, as spans that are kept, each fact once. */
export class OtlpAcceptance implements OtlpConsumer {
  readonly #sink: OtlpSink;
  readonly #now: () => number;
  readonly #keepsSpans: boolean;
  readonly #earlier: EarlierRequests | null;
  readonly #subjects: Subjects;
  readonly #assembler: TraceAssembler;
  readonly #metrics: OtlpMetrics;
  readonly #logs: OtlpLogs;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #decided: DecidedOffers;

  constructor(options: OtlpAcceptanceOptions) {
    const { sink, meter, userHeaders, keepsSpans, earlier = null, log = NO_LOG, now = Date.now } = options;
    this.#sink = sink;
    this.#subjects = new Subjects((source, subject) => sink.toldByAgent(source, subject));
    this.#now = now;
    this.#keepsSpans = keepsSpans;
    this.#earlier = earlier;
    const folded = counterOf(meter, FOLDED_LABELS);
    const onFolded = (attribute: string) => folded.add(1, { [FOLDED_LABEL]: attribute });
    const labels = otlpLabels({ onFolded, now: () => performance.now() });
    const records = counterOf(meter, OTLP_OUTCOMES);
    const parts = { sink, subjects: this.#subjects, labels, records };
    const failure = new Condition(log, 'otlp');
    this.#decided = new DecidedOffers((events, passage) => sink.offer(events, passage));
    this.#assembler = new TraceAssembler({
      now: () => performance.now(),
      userHeaders,
      labels,
      keepsSpans,
      counts: (told) => this.#counts(told),
      wallClock: now,
      onDecided: (decided, via) => this.#decided.add(decided, via),
      onFailed: (error, spans) => {
        records.add(spans, { signal: 'traces', outcome: 'failed' });
        const reason = describeError(error);
        failure.begin(
          `what the spans of a trace tell is not counted, because deciding it failed: ${reason}`,
          reason,
        );
      },
    });
    this.#metrics = new OtlpMetrics({ ...parts, sinceMs: now() });
    this.#logs = new OtlpLogs({ ...parts, exceptions: counterOf(meter, OTLP_EXCEPTIONS), onFolded });
    this.#timers = [
      setInterval(() => this.#tick(), TICK_MS).unref(),
      setInterval(() => this.#release(), RELEASE_MS).unref(),
    ];
  }

  get crowded(): boolean {
    return this.#sink.crowded;
  }

  async spans(spans: readonly OtlpSpan[], delivery: OtlpDelivery): Promise<OtlpRejected> {
    this.#refuseUntilKnown();
    const refusals = new Refusals();
    const usable = this.#joined(spans, delivery.via, refusals);
    // Its spans are stored: what they tell was decided, here or before, or is found in their rows.
    if (this.#keepsSpans && this.#sink.sentBatches.has(delivery.digest, LAST_PIECE)) {
      await this.#sink.offered();
      return refusals.rejected;
    }
    const asked = this.#earlier?.among(usable);
    // Others have their turn while it is waited: most often there is nothing to wait for.
    const earlier = asked instanceof Promise ? await asked : asked;
    const accepted = this.#assembler.accept(usable, delivery.body.length, delivery.via, earlier);
    this.#decided.offer();
    const told = accepted.events.map(({ event }) => event);
    const pieces = piecesOf(delivery.digest, told, accepted.spans);
    // First, because what rows know by its digest is not sent on again.
    const forwarded = this.#forward('traces', spans.length, delivery);
    const offering = forwarded.then(() => this.#offerPieces(pieces, delivery.via));
    return this.#offered(offering, accepted.offered, both(refusals.rejected, accepted.rejected));
  }

  /** Holds nothing of the spans: they are garbage long before the disk has what they tell. */
  async #offered(
    offering: Promise<void>,
    offered: () => void,
    rejected: OtlpRejected,
  ): Promise<OtlpRejected> {
    try {
      await offering;
    } finally {
      // Not before: were the collector killed in between, calls would be stored whose request is sent again, and told again. But
      // after a failure, too: others that come with their root are not decided before these are.
      offered();
      this.#decided.offer();
    }
    return rejected;
  }

  /**
   * Decides a trace that a collector before has stored, and gives on what has no row, and what its rows say that is not so.
   *
   * @returns how many events were told by that; `null` while spans of the trace are held, which may tell the same.
   */
  async recover(trace: StoredTrace): Promise<number | null> {
    const decided = this.#assembler.decideStored(trace);
    if (decided === null) return null;
    const events = decided.map(({ event }) => event);
    const passage = { via: NO_VIA, derived: true };
    await Promise.all(inPieces(events).map((piece) => this.#sink.offer(piece, passage)));
    return events.filter(({ retractsMs }) => retractsMs === undefined).length;
  }

  async metrics(metrics: readonly OtlpMetric[], { via }: OtlpDelivery): Promise<OtlpRejected> {
    return this.#metrics.take(metrics, this.#now(), via);
  }

  async logs(records: readonly OtlpLogRecord[], delivery: OtlpDelivery): Promise<OtlpRejected> {
    this.#refuseUntilKnown();
    const rejected = await this.#logs.take(records, this.#now(), delivery);
    await this.#forward('logs', records.length, delivery);
    return rejected;
  }

  /** Decides and gives on all that is held; resolves when it is accepted. */
  async shutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#assembler.flush();
    this.#decided.offer();
    await this.#logs.release(Number.POSITIVE_INFINITY);
    this.#metrics.release(Number.POSITIVE_INFINITY);
    await this.#decided.accepted();
  }

  /** A request may be one that the collector before has accepted, and its sender did not hear of it. */
  #refuseUntilKnown(): void {
    if (this.#sink.sentBatches.complete) return;
    throw new NervecenterError(
      'NC_UNAVAILABLE',
      'It is not known yet which requests were accepted before this collector started. Send it again in a few seconds.',
    );
  }

  async #forward(
    signal: Forwarded['signal'],
    records: number,
    { encoding, body, via, digest }: OtlpDelivery,
  ): Promise<void> {
    await this.#sink.forward?.({ signal, records, encoding, body, via, digest });
  }

  #joined(spans: readonly OtlpSpan[], via: Via, refusals: Refusals): readonly OtlpSpan[] {
    const may = new Map<Source, boolean>();
    return spans.filter(({ resource }) => {
      const source = sourceOfResource(resource);
      let joined = may.get(source);
      if (joined === undefined) {
        joined = this.#sink.join(source, via);
        this.#subjects.meet(source.instanceId, resource);
        if (joined) this.#sink.merge(source.instanceId, []);
        may.set(source, joined);
      }
      if (!joined) refusals.add(TOO_MANY_INSTANCES, source.service);
      return joined;
    });
  }

  /** Whether metrics, log records, events or the agent of the same process have not told it. */
  #counts({ event, spanId }: ToldEvent): boolean {
    const { sender, signal, timeMs } = event;
    if (sender === undefined) return true;
    const call = 'traceId' in event ? `${event.traceId}${spanId}` : spanId;
    const telling = { afterMs: timeMs, untilMs: timeMs, nowMs: this.#now(), call };
    if (this.#subjects.told(sender.instanceId, signal, 'spans', telling) === 'told') return false;
    const source = this.#subjects.sourceOf(sender.instanceId);
    return source === undefined || !this.#sink.spansToldByAgent(source, signal);
  }

  async #offerPieces(pieces: readonly Piece[], via: Via): Promise<void> {
    const passage = { via, derived: true };
    const offers = pieces.map(({ events, sent }) =>
      this.#sink.sentBatches.accept(...sent) ? this.#sink.offer(events, passage, sent) : this.#sink.offered(),
    );
    await Promise.all(offers);
  }

  #tick(): void {
    this.#assembler.tick();
    this.#decided.offer();
  }

  #release(): void {
    const nowMs = this.#now();
    this.#metrics.release(nowMs);
    void this.#logs.release(nowMs);
  }
}

function both(one: OtlpRejected, other: OtlpRejected): OtlpRejected {
  if (one.count === 0 || other.count === 0) return one.count === 0 ? other : one;
  return { count: one.count + other.count, message: `${one.message}; ${other.message}` };
}

import type { Counter } from '@opentelemetry/api';
import type { Source } from '../../../../core/frame.ts';
import { errorType, OTHER } from '../../../../core/llm/labels.ts';
import { BoundedNames } from '../../../../core/names/bounded-names.ts';
import { NO_VIA, type Passage, type Via } from '../../../../core/passage.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import type { SentBatches } from '../../sent-batches.ts';
import type { OtlpLabels } from '../labels.ts';
import type { OtlpDelivery, OtlpLogRecord, OtlpRejected } from '../model.ts';
import { Refusals } from '../refusals.ts';
import { sourceOfResource } from '../sender.ts';
import { senderOf } from '../spans/sender-of.ts';
import { GRACE_MS, type Subjects } from '../subjects.ts';
import { type ToldCall, toldCall } from './call-record.ts';
import { Batches, isOfAnotherHost, isOwnEvent, ownEvent, sentOf } from './own-events.ts';

/** Where events go. */
export interface EventSink {
  /** Returns false when there are too many processes already. */
  join(source: Source, via: Via): boolean;
  /** Resolves once they are accepted. Never rejects. @param sent whose batch they are, and which. */
  offer(
    events: readonly NervecenterEvent[],
    passage: Passage,
    sent?: readonly [string, number],
  ): Promise<void>;
  /** Resolves once all is accepted that was offered so far. */
  offered(): Promise<void>;
  /** Which batches were accepted, here or by the collector before. */
  readonly sentBatches: Pick<SentBatches, 'acceptClaimed'>;
}

export interface OtlpLogsOptions {
  readonly sink: EventSink;
  readonly subjects: Subjects;
  readonly labels: OtlpLabels;
  /** `OTLP_OUTCOMES`. */
  readonly records: Counter;
  /** `OTLP_EXCEPTIONS`. */
  readonly exceptions: Counter;
  /** Called with the attribute for every value shown as `other`. */
  readonly onFolded: (attribute: string) => void;
}

const EXCEPTION_TYPE = 'exception.type';
const EXCEPTION_TYPES_MAX = 50;
const SERVICES_MAX = 100;
/** Calls of processes that are new, until it is known whether spans tell the same; past it they count at once. */
const HELD_MAX = 1000;
const NO_EVENT =
  'that say they are an event of nervecenter and have not the shape of one (of another version?)';
const TOO_MANY_INSTANCES = 'of more processes than are followed';

type Outcome = 'event' | 'call' | 'exception' | 'ignored' | 'known' | 'refused';

/** What is to be known of a request beside its records. */
export type LogsDelivery = Pick<OtlpDelivery, 'via' | 'digest'>;

interface HeldCall extends ToldCall, LogsDelivery {
  readonly instanceId: string;
}

/** A request while it is read. */
interface Reading extends LogsDelivery {
  readonly nowMs: number;
  readonly refusals: Refusals;
  readonly batches: Batches;
  readonly outcomes: Map<Outcome, number>;
  /** Whether each sender may send. */
  readonly joined: Map<Source, boolean>;
}

/**
 * Takes the log records of OTLP senders: nervecenter's own events, model calls and exceptions. Others are none of its
 * business; they are counted, and not complained about, because their sender would repeat that with every request.
 */
export class OtlpLogs {
  readonly #options: OtlpLogsOptions;
  readonly #exceptionTypes: BoundedNames;
  readonly #services: BoundedNames;
  #held: HeldCall[] = [];
  #released: Promise<unknown> = Promise.resolve();

  constructor(options: OtlpLogsOptions) {
    this.#options = options;
    const bounded = (attribute: string, max: number) =>
      new BoundedNames({ max, other: OTHER, turnover: max, onFolded: () => options.onFolded(attribute) });
    this.#exceptionTypes = bounded(EXCEPTION_TYPE, EXCEPTION_TYPES_MAX);
    this.#services = bounded('service.name', SERVICES_MAX);
  }

  /** Resolves when all of it is accepted. Not to be called before it is known what the collector before has accepted. */
  async take(
    records: readonly OtlpLogRecord[],
    nowMs: number,
    delivery: LogsDelivery,
  ): Promise<OtlpRejected> {
    const reading = newReading(nowMs, delivery);
    for (const record of records) this.#read(record, reading);
    await this.#deliver(reading);
    return reading.refusals.rejected;
  }

  /**
   * To be called every few seconds: gives on what was held back, of processes that were new, as soon as it is due. Resolves when
   * that is accepted, and what was given on before.
   */
  async release(nowMs: number): Promise<void> {
    const held = Map.groupBy(this.#held, ({ digest }) => digest);
    this.#held = [];
    const deliveries: Promise<void>[] = [];
    for (const [digest, calls] of held) {
      const reading = newReading(nowMs, { digest, via: calls[0]?.via ?? NO_VIA });
      for (const call of calls) this.#judge(call, reading);
      deliveries.push(this.#deliver(reading));
    }
    this.#released = Promise.all([this.#released, ...deliveries]);
    await this.#released;
  }

  #read(record: OtlpLogRecord, reading: Reading): void {
    const { subjects, labels } = this.#options;
    const { instanceId } = senderOf(record.resource);
    subjects.meet(instanceId, record.resource);
    const own = isOwnEvent(record);
    const told = own ? null : toldCall(record, labels, reading.nowMs);
    if ((own || told !== null) && !this.#joins(record, reading)) {
      reading.refusals.add(TOO_MANY_INSTANCES, senderOf(record.resource).service);
      count(reading, 'refused');
    } else if (own) this.#readEvent(record, reading);
    else if (told !== null)
      this.#judge({ ...told, instanceId, via: reading.via, digest: reading.digest }, reading);
    else if (isException(record)) this.#countException(record, reading);
    else count(reading, 'ignored');
  }

  #joins({ resource }: OtlpLogRecord, { joined, via }: Reading): boolean {
    const source = sourceOfResource(resource);
    const known = joined.get(source) ?? this.#options.sink.join(source, via);
    joined.set(source, known);
    return known;
  }

  #readEvent(record: OtlpLogRecord, reading: Reading): void {
    const sender = senderOf(record.resource);
    const event = ownEvent(record, sender);
    if (event === null) {
      reading.refusals.add(NO_EVENT, String(record.attributes['nervecenter.signal'] ?? ''));
      count(reading, 'refused');
    } else if (isOfAnotherHost(event)) count(reading, 'ignored');
    else {
      const telling = { afterMs: event.timeMs, untilMs: event.timeMs, nowMs: reading.nowMs };
      this.#options.subjects.told(sender.instanceId, event.signal, 'events', telling);
      reading.batches.add(sentOf(record), event);
      count(reading, 'event');
    }
  }

  #judge(told: HeldCall, reading: Reading): void {
    const { event, call, record, instanceId, digest } = told;
    // Nothing is held for longer than the bound allows: then the grace is over.
    const isFull = this.#held.length >= HELD_MAX;
    const nowMs = isFull ? reading.nowMs + GRACE_MS : reading.nowMs;
    const times = { afterMs: event.timeMs, untilMs: event.timeMs, nowMs };
    const telling = { ...times, record, ...(call !== null && { call }) };
    const verdict = this.#options.subjects.told(instanceId, 'llm-call', 'logs', telling);
    if (verdict === 'held') this.#held.push(told);
    else if (verdict === 'told') count(reading, 'known');
    else {
      reading.batches.addDerived(event, isFull ? `${digest} past what is held` : digest);
      count(reading, 'call');
    }
  }

  #countException({ attributes, resource }: OtlpLogRecord, reading: Reading): void {
    const { nowMs } = reading;
    const type = errorType([attributes[EXCEPTION_TYPE]]) ?? '_OTHER';
    this.#options.exceptions.add(1, {
      'service.name': this.#services.of(senderOf(resource).service, nowMs),
      [EXCEPTION_TYPE]: this.#exceptionTypes.of(type, nowMs),
    });
    count(reading, 'exception');
  }

  async #deliver({ batches, outcomes, via }: Reading): Promise<void> {
    const { sink, records } = this.#options;
    const offers = batches.inOrder.flatMap(({ sent, derived, events }) => {
      const passage = { via, derived };
      if (sent === null) return [sink.offer(events, passage)];
      if (sink.sentBatches.acceptClaimed(...sent)) return [sink.offer(events, passage, sent)];
      const outcome = derived ? 'call' : 'event';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) - events.length);
      outcomes.set('known', (outcomes.get('known') ?? 0) + events.length);
      // It came before, and may not be on disk yet.
      return [sink.offered()];
    });
    for (const [outcome, counted] of outcomes) records.add(counted, { signal: 'logs', outcome });
    await Promise.all(offers);
  }
}

function isException({ eventName, attributes }: OtlpLogRecord): boolean {
  return (
    attributes[EXCEPTION_TYPE] !== undefined || eventName === 'exception' || eventName.endsWith('.exception')
  );
}

function newReading(nowMs: number, { via, digest }: LogsDelivery): Reading {
  return {
    nowMs,
    via,
    digest,
    refusals: new Refusals(),
    batches: new Batches(),
    outcomes: new Map(),
    joined: new Map(),
  };
}

function count({ outcomes }: Reading, outcome: Outcome): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

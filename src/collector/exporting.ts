import type { Meter, ObservableResult } from '@opentelemetry/api';
import type { Config } from '../config/config.ts';
import type { Source } from '../core/frame.ts';
import type { Passage } from '../core/passage.ts';
import type { NervecenterEvent } from '../core/signals/index.ts';
import type { InstrumentSpec } from '../core/signals/instruments.ts';
import type { SpanEvent, WholeSpan } from '../core/signals/span.ts';
import type { EventLedger } from './event-ledger.ts';
import type { Log } from './log.ts';
import { keptAppSpan } from './receivers/otlp/app-span.ts';
import { claimed } from './receivers/sent-batches.ts';
import type { OtlpExporter, TargetCounts } from './sinks/otlp/exporter.ts';
import type { OfferedBatch } from './sinks/postgres/spool/batch.ts';
import type { Pseudonyms } from './users/pseudonyms.ts';

const EXPORTED: InstrumentSpec<'counter'> = {
  name: 'nervecenter.otlp.export.exported',
  kind: 'counter',
  unit: '{event}',
  description: 'Of them those that an OTLP receiver has, by nervecenter.otlp.target.',
};
const ACCEPTED: InstrumentSpec<'counter'> = {
  name: 'nervecenter.otlp.export.accepted',
  kind: 'counter',
  unit: '{event}',
  description:
    'Events, received spans and log records taken for an OTLP receiver: exported, waiting and dropped ones add up to them.',
};
const DROPPED: InstrumentSpec<'counter'> = {
  name: 'nervecenter.otlp.export.dropped',
  kind: 'counter',
  unit: '{event}',
  description: 'Of them those given up, by nervecenter.otlp.target and nervecenter.otlp.reason.',
};
const WAITING: InstrumentSpec<'gauge'> = {
  name: 'nervecenter.otlp.export.waiting',
  kind: 'gauge',
  unit: '{event}',
  description: 'Of them those that wait for an OTLP receiver.',
};
const REJECTED: InstrumentSpec<'counter'> = {
  name: 'nervecenter.otlp.export.rejected',
  kind: 'counter',
  unit: '{item}',
  description: 'Spans, records and points that a receiver said it left out of what it accepted.',
};
const REQUESTS: InstrumentSpec<'counter'> = {
  name: 'nervecenter.otlp.export.requests',
  kind: 'counter',
  unit: '{request}',
  description:
    'Attempts to send, by nervecenter.otlp.target and nervecenter.otlp.outcome (accepted, retry, refused).',
};

/** Events that may be on their way to the spools of what is sent; each of them waits for the disk. */
const WAITING_MAX = 50_000;

/** A process without users in what it says of itself. */
export function withHiddenResource(source: Source, users: Pseudonyms): Source {
  return source.resource === undefined ? source : { ...source, resource: users.resource(source.resource) };
}

/** What is sent of the process that sends, without users where they are hidden. */
export function sentOf(config: Config, host: Source | null, users: Pseudonyms | null) {
  if (users === null) return { config, host };
  const resourceAttributes = users.resource(config.resourceAttributes);
  return { config: { ...config, resourceAttributes }, host: host && withHiddenResource(host, users) };
}

interface ExportParts {
  readonly config: Config;
  readonly log: Log;
  readonly host: Source | null;
  readonly meter: Meter;
  /** See `ExporterOptions`. */
  readonly onWriter: (writer: string) => void;
}

/** The exporter, loaded only where there is something to send to; it finds what an earlier process left before it returns. */
export async function startExport({ meter, ...options }: ExportParts): Promise<OtlpExporter | null> {
  if (options.config.otlpTargets.length === 0) return null;
  const { createOtlpExporter } = await import('./sinks/otlp/exporter.ts');
  const exporter = await createOtlpExporter(options);
  observeExport(meter, () => exporter.counts());
  await exporter.start();
  return exporter;
}

/** Has the meter's reader observe what became of events, whenever it collects. */
export function observeExport(meter: Meter, counts: () => readonly TargetCounts[]): void {
  const eachTarget = (instrument: InstrumentSpec, observe: (of: TargetCounts, result: Observe) => void) => {
    const { name, kind, unit, description } = instrument;
    const options = { unit, description };
    const observable =
      kind === 'gauge'
        ? meter.createObservableGauge(name, options)
        : meter.createObservableCounter(name, options);
    observable.addCallback((result: ObservableResult) => {
      for (const of of counts()) {
        observe(of, (value, attributes = {}) =>
          result.observe(value, { 'nervecenter.otlp.target': of.target, ...attributes }),
        );
      }
    });
  };
  eachTarget(ACCEPTED, ({ accepted }, observe) => observe(accepted));
  eachTarget(EXPORTED, ({ exported }, observe) => observe(exported));
  eachTarget(WAITING, ({ waiting }, observe) => observe(waiting));
  eachTarget(DROPPED, ({ dropped }, observe) => {
    for (const [reason, count] of dropped) observe(count, { 'nervecenter.otlp.reason': reason });
  });
  eachTarget(REJECTED, ({ rejected }, observe) => observe(rejected));
  eachTarget(REQUESTS, ({ attempts }, observe) => {
    for (const [outcome, count] of Object.entries(attempts))
      observe(count, { 'nervecenter.otlp.outcome': outcome });
  });
}

type Observe = (value: number, attributes?: Readonly<Record<string, string>>) => void;

/**
 * Where events are accepted: in the spools of what is sent first, then in the ledger. A batch that the ledger knows is not
 * taken again after a kill, so by then the others must have it.
 */
export class Acceptance {
  readonly #ledger: EventLedger;
  readonly #exporter: OtlpExporter | null;
  readonly #config: Pick<Config, 'spans'>;
  readonly #users: Pseudonyms | null;
  /** Resolves when the ledger has what was offered so far. */
  #handedOn: Promise<unknown> = Promise.resolve();
  /** Events that the ledger has not yet, because they are being written for others. */
  #waiting = 0;

  /** @param users what stands for users, `null`: they are called as they are. */
  constructor(
    ledger: EventLedger,
    exporter: OtlpExporter | null,
    config: Pick<Config, 'spans'>,
    users: Pseudonyms | null,
  ) {
    this.#users = users;
    this.#ledger = ledger;
    this.#exporter = exporter;
    this.#config = config;
  }

  /** Whether so much waits here, or in the ledger, that no more should be taken where it can come later. */
  get crowded(): boolean {
    return this.#waiting > WAITING_MAX || this.#ledger.crowded;
  }

  /** See `EventLedger.offer` and `OtlpExporter.offer`. */
  offer(told: readonly NervecenterEvent[], sent?: OfferedBatch, passage?: Passage): Promise<void> {
    const events = this.#users === null ? told : told.map(this.#users.event);
    const stored = storedAmong(events, this.#config);
    // Sent on under the name that it came with, by which whoever gets it on two ways takes it once.
    const known =
      sent === undefined || passage === undefined || passage.derived ? sent : claimed([sent[0], sent[1]]);
    const store = async () => {
      if (stored.length > 0) await this.#ledger.offer(stored, known);
    };
    if (this.#exporter === null) return store();
    const written = this.#exporter.offer(events, sent, passage);
    this.#waiting += events.length;
    // In the order in which they came: of what a process sent the ledger knows the last batch only.
    const handedOn = this.#handedOn
      .then(() => written)
      .catch(() => {}) // It never rejects; what is stored does not depend on that.
      .then(() => {
        this.#waiting -= events.length;
        return { accepted: store() };
      });
    this.#handedOn = handedOn;
    return handedOn.then(({ accepted }) => accepted);
  }

  /** Resolves when the ledger has all that was offered. */
  async idle(): Promise<void> {
    for (let last: unknown = null; last !== this.#handedOn; ) {
      last = this.#handedOn;
      await last;
    }
  }
}

/** Of spans of an app's own, which are sent whole, the ledger has what is kept of others. */
export function storedAmong(
  events: readonly NervecenterEvent[],
  { spans }: Pick<Config, 'spans'>,
): readonly NervecenterEvent[] {
  if (!events.some(isWhole)) return events;
  return events.flatMap((event) => {
    if (!isWhole(event)) return [event];
    return spans === 'on' ? [keptAppSpan(event, event.whole)] : [];
  });
}

function isWhole(event: NervecenterEvent): event is SpanEvent & { readonly whole: WholeSpan } {
  return event.signal === 'span' && event.whole !== undefined;
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../../config/config.ts';
import type { OtlpSignal, OtlpTarget } from '../../../config/otlp/target.ts';
import type { Sender } from '../../../core/event.ts';
import type { Attributes, Point, Source } from '../../../core/frame.ts';
import { allVia, NO_VIA, type Passage, type Via } from '../../../core/passage.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import type { Log } from '../../log.ts';
import type { OfferedBatch } from '../postgres/spool/batch.ts';
import type { SpoolFiles } from '../postgres/spool/files.ts';
import { BatchNames } from './batch-names.ts';
import { type EventForm, formFor } from './encode/event-records.ts';
import { type BatchName, hasDetails } from './encode/log-records.ts';
import { Resources } from './encode/resources.ts';
import { metricsSerializer } from './encode/serializers.ts';
import { hasSpans } from './encode/spans.ts';
import { EventPayloads } from './event-payloads.ts';
import { Forwarding, type ReceivedRequest } from './forwarding.ts';
import { EventFigures } from './metrics/event-figures.ts';
import { MetricExport } from './metrics/metric-export.ts';
import { EventSpool } from './queue/event-spool.ts';
import { ExportCounts } from './queue/export-counts.ts';
import { Delivery } from './send/delivery.ts';
import { readTlsFiles } from './send/tls-files.ts';
import type { Transport, TransportOptions } from './send/transport.ts';
import { sentOut } from './sent-out.ts';
import { eventsFor, TargetExport, wants } from './target-export.ts';

export interface ExporterOptions {
  readonly config: Pick<
    Config,
    'otlpTargets' | 'dataDir' | 'spoolMaxBytes' | 'service' | 'resourceAttributes'
  >;
  readonly log: Log;
  /** The process that hosts the collector; `null`: it runs alone. */
  readonly host: Source | null;
  /** Called with each name that batches go out under which were made here, before the first of them does. */
  readonly onWriter?: (writer: string) => void;
  /** Where the spools are written. @default the file system */
  readonly spoolFiles?: SpoolFiles;
}

/** What is known of a target's events: accepted = exported + waiting + dropped, at every moment. */
export interface TargetCounts {
  readonly target: string;
  readonly accepted: number;
  readonly exported: number;
  readonly waiting: number;
  readonly dropped: ReadonlyMap<string, number>;
  readonly rejected: number;
  readonly attempts: Readonly<Record<'accepted' | 'retry' | 'refused', number>>;
}

/** Where events and measurements leave for backends that take OTLP. */
export interface OtlpExporter {
  /** What all that is sent from here says it has passed through (`Via`): a UUID, new with every start. */
  readonly id: string;
  /** Finds what an earlier process left, and sends. Never rejects. */
  start(): Promise<void>;
  /**
   * Takes events to send. Resolves when they are written, or memory is all there is for them; never rejects. What takes
   * something back is to be in one call with what is told in its place.
   *
   * @param sent whose batch they are, and which: under this name they go to another nervecenter.
   * @param passage of what came by OTLP.
   */
  offer(events: readonly NervecenterEvent[], sent?: OfferedBatch, passage?: Passage): Promise<void>;
  /** Takes a request to send on as it came. Resolves when it is written, likewise; never rejects. */
  forward(request: ReceivedRequest): Promise<void>;
  /** @param via what it came through, of a process that was heard of by OTLP. */
  join(source: Source, via?: Via): void;
  leave(instanceId: string): void;
  /** Takes what a process measured itself; the collector itself where none is named. */
  addPoints(points: readonly Point[], instanceId?: string): void;
  counts(): TargetCounts[];
  /** Sends what waits, for at most so many milliseconds; what is not sent by then stays in the spools. Idempotent. */
  shutdown(deadlineMs: number): Promise<void>;
}

interface PreparedBatch extends BatchName {
  readonly offered: readonly NervecenterEvent[];
  /** Of them what goes to those who want all services. */
  readonly all: readonly NervecenterEvent[];
  /** Sent on itself to those who are no nervecenter. */
  readonly derived: boolean;
  readonly payloads: EventPayloads;
}

interface Target {
  readonly target: OtlpTarget;
  readonly counts: ExportCounts;
  /** `null`: its events go nowhere. */
  readonly events: {
    readonly spool: EventSpool;
    readonly form: EventForm;
    readonly loop: TargetExport;
  } | null;
  readonly metrics: MetricExport | null;
}

/** @throws NervecenterError `NC_CONFIG_INVALID` when a certificate's file cannot be read. */
export async function createOtlpExporter(options: ExporterOptions): Promise<OtlpExporter> {
  const targets = options.config.otlpTargets;
  const usesGrpc = targets.some(({ endpoints }) =>
    Object.values(endpoints).some(({ protocol }) => protocol === 'grpc'),
  );
  const { httpTransport } = await import('./send/http.ts');
  // Only where it is asked for: it takes as long to load as all the rest.
  const grpcTransport = usesGrpc ? (await import('./send/grpc.ts')).grpcTransport : httpTransport;
  const connect = (to: TransportOptions) =>
    to.endpoint.protocol === 'grpc' ? grpcTransport(to) : httpTransport(to);
  return new Exporter(options, connect);
}

/** Of processes that do not say that they leave the oldest are forgotten. */
const SOURCES_MAX = 10_000;

class Exporter implements OtlpExporter {
  readonly #service: string;
  readonly #resources: Resources;
  readonly #figures = new EventFigures();
  readonly #targets: readonly Target[];
  readonly #forwarding: Forwarding;
  readonly #sources = new Map<string, Source>();
  /** What the metrics of processes have passed through that came by OTLP. */
  readonly #via = new Map<string, Via>();
  readonly id = randomUUID();
  readonly #names: BatchNames;
  #stopping: Promise<void> | null = null;

  constructor(options: ExporterOptions, connect: (to: TransportOptions) => Transport) {
    const { config, host } = options;
    this.#service = config.service;
    this.#names = new BatchNames(this.id, options.onWriter);
    const attributes: Attributes = config.resourceAttributes;
    this.#resources = new Resources({ service: config.service, instanceId: this.id, attributes, host });
    this.#targets = config.otlpTargets.map((target) =>
      createTarget(target, {
        ...options,
        connect,
        resources: this.#resources,
        measure: () => this.#measured(),
        id: this.id,
        viaOf: (sender) => [this.id, ...(this.#via.get(sender?.instanceId ?? '') ?? NO_VIA)],
      }),
    );
    this.#forwarding = new Forwarding({
      targets: this.#targets.flatMap(({ target, counts, events }) =>
        events === null ? [] : [{ target, counts, spool: events.spool }],
      ),
    });
  }

  async start(): Promise<void> {
    await Promise.all(this.#targets.map(({ events }) => events?.spool.open()));
    for (const { events, metrics } of this.#targets) {
      events?.loop.start();
      metrics?.start();
    }
  }

  async offer(events: readonly NervecenterEvent[], sent?: OfferedBatch, passage?: Passage): Promise<void> {
    if (events.length === 0) return;
    const all = sentOut(events);
    if (this.#targets.some(({ target, metrics }) => metrics !== null && !target.nervecenter)) {
      this.#figures.measure(all);
    }
    const { via, derived } = passage ?? { via: NO_VIA, derived: false };
    const { writer, seq } = sent === undefined ? this.#names.next(via) : { writer: sent[0], seq: sent[1] };
    const payloads = new EventPayloads({
      batch: { writer, seq },
      names: this.#names,
      via,
      resources: this.#resources,
    });
    const batch: PreparedBatch = { offered: events, all, writer, seq, derived, payloads };
    await Promise.all(this.#targets.map((target) => this.#offerTo(target, batch)));
  }

  forward(request: ReceivedRequest): Promise<void> {
    return this.#forwarding.forward(request);
  }

  join(source: Source, via: Via = NO_VIA): void {
    const { instanceId } = source;
    const [oldest] = this.#sources.keys();
    if (this.#sources.size >= SOURCES_MAX && oldest !== undefined) {
      this.#sources.delete(oldest);
      this.#via.delete(oldest);
    }
    this.#sources.set(instanceId, source);
    if (via.length > 0) this.#via.set(instanceId, allVia([this.#via.get(instanceId) ?? NO_VIA, via]));
    this.#resources.join(source);
  }

  leave(instanceId: string): void {
    this.#sources.delete(instanceId);
    this.#via.delete(instanceId);
    for (const { metrics } of this.#targets) metrics?.leave(instanceId);
  }

  addPoints(points: readonly Point[], instanceId?: string): void {
    const sender = instanceId === undefined ? undefined : this.#sources.get(instanceId);
    for (const { target, metrics } of this.#targets) {
      if (wants(target, sender, this.#service)) metrics?.add(sender, points);
    }
  }

  counts(): TargetCounts[] {
    return this.#targets.map(({ target, counts, events }) => ({
      target: target.name,
      accepted: counts.accepted,
      exported: counts.exported,
      waiting: events?.spool.waiting ?? 0,
      dropped: counts.dropped,
      rejected: counts.rejected,
      attempts: counts.attempts,
    }));
  }

  shutdown(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const flushed = this.#targets.flatMap(({ events, metrics }) => [events?.loop.flush(), metrics?.flush()]);
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([Promise.all(flushed), timeUp]);
    clearTimeout(timer);
    for (const { events, metrics } of this.#targets) {
      metrics?.stop();
      await events?.loop.stop();
      await events?.spool.close();
    }
  }

  async #offerTo(
    { target, events, counts }: Target,
    { offered, all, writer, seq, derived, payloads }: PreparedBatch,
  ): Promise<void> {
    if (events === null || (derived && !target.nervecenter)) return;
    // Not of all services: what one of them takes back is of no use to who has only the other.
    const wanted = target.services === null ? all : sentOut(eventsFor(target, offered, this.#service));
    const kept = target.nervecenter ? wanted : sentAmong(wanted, target);
    if (kept.length === 0) return;
    let payload: Buffer;
    try {
      payload = payloads.of(kept, events.form);
    } catch {
      // Their rows may be made all the same, and what comes after them is sent.
      counts.accepted += kept.length;
      counts.drop('unreadable', kept.length);
      return;
    }
    await events.spool.offer({ writer, seq, rows: kept.length, payload });
  }

  /** What was measured since somebody asked, for all who send it. */
  #measured(): void {
    for (const { sender, points } of this.#figures.take()) {
      for (const { target, metrics } of this.#targets) {
        // Another nervecenter measures the events it gets.
        if (!target.nervecenter && wants(target, sender, this.#service)) metrics?.add(sender, points);
      }
    }
  }
}

interface TargetParts extends ExporterOptions {
  readonly connect: (to: TransportOptions) => Transport;
  readonly resources: Resources;
  readonly measure: () => void;
  readonly id: string;
  readonly viaOf: (sender: Sender | undefined) => Via;
}

function createTarget(target: OtlpTarget, parts: TargetParts): Target {
  const { config, log, id, resources, connect, measure, viaOf, spoolFiles } = parts;
  const counts = new ExportCounts(target.name, log);
  const deliveries: Partial<Record<OtlpSignal, Delivery>> = {};
  for (const [name, endpoint] of Object.entries(target.endpoints)) {
    const signal = name as OtlpSignal;
    deliveries[signal] = new Delivery({
      name: `${target.name}: ${signal}`,
      transport: connect({
        endpoint,
        signal,
        tls: readTlsFiles(endpoint, `OTLP to ${target.name}, ${signal}`),
      }),
      log,
      onAttempt: (outcome) => {
        counts.attempts[outcome.kind]++;
        if (outcome.kind === 'accepted') counts.rejected += outcome.rejected;
      },
    });
  }
  const { metrics, ...ofEvents } = deliveries;
  const sendsEvents = (target.nervecenter ? ofEvents.logs : (ofEvents.traces ?? ofEvents.logs)) !== undefined;
  const spool = new EventSpool({
    directory: join(config.dataDir, 'otlp', target.name, 'spool'),
    maxBytes: config.spoolMaxBytes,
    counts,
    log,
    onChange: () => loop.notify(),
    ...(spoolFiles === undefined ? {} : { files: spoolFiles }),
  });
  const loop = new TargetExport({
    target,
    spool,
    counts,
    deliveries: ofEvents,
    id,
    log,
  });
  return {
    target,
    counts,
    events: sendsEvents ? { spool, form: formFor(target), loop } : null,
    metrics:
      metrics === undefined || target.endpoints.metrics === undefined
        ? null
        : new MetricExport({
            target,
            resources,
            delivery: metrics,
            serialize: metricsSerializer(target.endpoints.metrics.protocol),
            measure,
            viaOf,
          }),
  };
}

/** Those that become spans, or log records. */
function sentAmong(
  events: readonly NervecenterEvent[],
  { endpoints }: OtlpTarget,
): readonly NervecenterEvent[] {
  const isSent = (event: NervecenterEvent) =>
    hasSpans(event) || (endpoints.logs !== undefined && hasDetails(event));
  return events.every(isSent) ? events : events.filter(isSent);
}

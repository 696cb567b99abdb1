import type { OtlpSignal, OtlpTarget } from '../../../config/otlp/target.ts';
import type { Sender } from '../../../core/event.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { MIB, SECOND_MS } from '../../../core/units.ts';
import { detailsOf, eventRecord } from './encode/log-records.ts';
import type { Resources } from './encode/resources.ts';
import type { OtlpLogRecord, OtlpSpan, Serializers } from './encode/serializers.ts';
import { spansOf } from './encode/spans.ts';
import { eventsIn } from './queue/event-batch.ts';
import type { EventSpool, TakeBounds } from './queue/event-spool.ts';
import type { ExportCounts } from './queue/export-counts.ts';
import type { Delivered, Delivery } from './send/delivery.ts';

/** What of a target sends its events. */
export interface TargetExportOptions {
  readonly target: OtlpTarget;
  readonly resources: Resources;
  readonly spool: EventSpool;
  readonly counts: ExportCounts;
  /** Of the signals that events become for this target. */
  readonly deliveries: Readonly<Partial<Record<OtlpSignal, Delivery>>>;
  readonly serializers: Readonly<Partial<Record<OtlpSignal, Serializers>>>;
}

/** What is here for so long is sent, even if it is little. */
const LINGER_MS = SECOND_MS / 2;
/** Receivers take some MiB at once; this much JSON is less as protobuf. */
const BOUNDS: TakeBounds = { events: 1000, bytes: 2 * MIB };
/** Past it a request is several: a query has a span for every stage. */
const SPANS_MAX = 2000;
const READ_RETRY_MS = SECOND_MS;

type Batches = Awaited<ReturnType<EventSpool['take']>>;

/** The loop that takes what waits for one target and sends it, as spans and log records. */
export class TargetExport {
  readonly #options: TargetExportOptions;
  #wake = () => {};
  #hurried = false;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(options: TargetExportOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something waits, or nothing does any more. */
  notify(): void {
    this.#wake();
  }

  /** Sends what waits now, with one more attempt for each request. Resolves when nothing waits or nothing more can be done. */
  async flush(): Promise<void> {
    this.#hurried = true;
    for (const delivery of Object.values(this.#options.deliveries)) delivery.hurry();
    this.#wake();
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const delivery of Object.values(this.#options.deliveries)) delivery.stop();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { spool } = this.#options;
    while (!this.#stopped) {
      if (spool.ready === 0) {
        if (this.#hurried) return;
        await this.#sleep(Number.POSITIVE_INFINITY);
        continue;
      }
      if (spool.ready < BOUNDS.events && !this.#hurried) await this.#linger();
      const batches = await spool.take(BOUNDS);
      if (batches.length === 0) {
        if (this.#hurried) return;
        await this.#sleep(READ_RETRY_MS); // It could not be read.
      } else if (!(await this.#send(batches))) return;
    }
  }

  /** False: it is to be sent by the next process. */
  async #send(batches: Batches): Promise<boolean> {
    const { spool, counts } = this.#options;
    const taken = batches.reduce((sum, { rows }) => sum + rows, 0);
    const delivered = await Promise.all(this.#requests(batches).map((deliver) => deliver()));
    if (delivered.includes('stopped')) {
      spool.putBack();
      return false;
    }
    const settled = spool.acknowledge(); // The rows leave the spool's count in this moment, and are counted here.
    if (delivered.includes('refused')) counts.drop('refused', taken);
    else {
      counts.exported += taken;
      counts.relieved();
    }
    await settled;
    return true;
  }

  /** What the events become for this target, a chain of requests per signal. */
  #requests(batches: Batches): (() => Promise<Delivered>)[] {
    const { target, resources, deliveries, serializers } = this.#options;
    const spans: OtlpSpan[] = [];
    const records: OtlpLogRecord[] = [];
    for (const batch of batches) {
      for (const event of eventsIn(batch)) {
        const resource = resources.of(event.sender);
        if (target.nervecenter) records.push(eventRecord(event, batch, resource));
        else {
          if (deliveries.traces !== undefined) spans.push(...spansOf(event, resource));
          const details = deliveries.logs === undefined ? null : detailsOf(event, resource);
          if (details !== null) records.push(details);
        }
      }
    }
    const { traces, logs } = deliveries;
    const chunks = Math.ceil(spans.length / SPANS_MAX);
    const spanBodies = Array.from(
      { length: chunks },
      (_, index) => () => serializers.traces?.traces(spans.slice(index * SPANS_MAX, (index + 1) * SPANS_MAX)),
    );
    const logBodies = records.length === 0 ? [] : [() => serializers.logs?.logs(records)];
    return [() => inTurn(traces, spanBodies), () => inTurn(logs, logBodies)];
  }

  async #linger(): Promise<void> {
    const endsAt = performance.now() + LINGER_MS;
    for (let left = LINGER_MS; left > 0; left = endsAt - performance.now()) {
      if (this.#stopped || this.#hurried || this.#options.spool.ready >= BOUNDS.events) return;
      await this.#sleep(left);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** One request after the other; what is refused keeps none of the others from being sent. */
async function inTurn(
  delivery: Delivery | undefined,
  bodies: readonly (() => Uint8Array | undefined)[],
): Promise<Delivered> {
  let worst: Delivered = 'accepted';
  for (const body of bodies) {
    const bytes = body();
    if (delivery === undefined || bytes === undefined) continue;
    const delivered = await delivery.deliver(bytes);
    if (delivered === 'stopped') return 'stopped';
    if (delivered === 'refused') worst = 'refused';
  }
  return worst;
}

/** Whether a target wants what comes from a process. */
export function wants({ services }: OtlpTarget, sender: Sender | undefined, ownService: string): boolean {
  return services === null || services.includes(sender?.service ?? ownService);
}

/** The events of a batch that a target gets. */
export function eventsFor(
  target: OtlpTarget,
  events: readonly NervecenterEvent[],
  ownService: string,
): readonly NervecenterEvent[] {
  return target.services === null ? events : events.filter(({ sender }) => wants(target, sender, ownService));
}

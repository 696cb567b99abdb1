import type { OtlpSignal, OtlpTarget } from '../../../config/otlp/target.ts';
import type { Sender } from '../../../core/event.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { MIB, SECOND_MS } from '../../../core/units.ts';
import { type EventForm, formFor, recordsOf } from './encode/event-records.ts';
import type { Resources } from './encode/resources.ts';
import type { OtlpLogRecord, OtlpSpan, Serializers } from './encode/serializers.ts';
import { chunks, ITEMS_MAX } from './event-payloads.ts';
import { contentIn, type ReadyRequest } from './queue/event-batch.ts';
import type { EventSpool, TakeBounds } from './queue/event-spool.ts';
import type { ExportCounts } from './queue/export-counts.ts';
import type { Delivered, Delivery } from './send/delivery.ts';
import type { Body } from './send/transport.ts';

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
/** Receivers take some MiB at once. */
const BOUNDS: TakeBounds = { events: 1000, bytes: 2 * MIB };
const READ_RETRY_MS = SECOND_MS;

type Batches = Awaited<ReturnType<EventSpool['take']>>;

/** The loop that takes what waits for one target and sends it, as spans and log records. */
export class TargetExport {
  readonly #options: TargetExportOptions;
  readonly #form: EventForm;
  #wake = () => {};
  #hurried = false;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(options: TargetExportOptions) {
    this.#options = options;
    this.#form = formFor(options.target);
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

  /** What waits for this target, a chain of requests per signal. */
  #requests(batches: Batches): (() => Promise<Delivered>)[] {
    const { deliveries, serializers } = this.#options;
    const ready: ReadyRequest[] = [];
    const spans: OtlpSpan[] = [];
    const logs: OtlpLogRecord[] = [];
    for (const batch of batches) {
      const content = contentIn(batch);
      if (content.kind === 'requests') ready.push(...content.requests);
      else {
        const records = recordsOf(content.events, this.#form, batch, this.#options.resources);
        spans.push(...records.spans);
        logs.push(...records.logs);
      }
    }
    const { traces: ofSpans, logs: ofLogs } = serializers;
    const spanBodies = [
      ...joined(ready, 'traces'),
      ...chunks(spans).map((some) => () => bodyOf(ofSpans, ofSpans?.traces(some))),
    ];
    const logBodies = [
      ...joined(ready, 'logs'),
      ...chunks(logs).map((some) => () => bodyOf(ofLogs, ofLogs?.logs(some))),
    ];
    return [() => inTurn(deliveries.traces, spanBodies), () => inTurn(deliveries.logs, logBodies)];
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

/** `null`: the signal is not sent any more. */
type MakeBody = () => Body | null;

function bodyOf(serializers: Serializers | undefined, bytes: Uint8Array | undefined): Body | null {
  return serializers === undefined || bytes === undefined ? null : { bytes, encoding: serializers.encoding };
}

/** The requests of a signal that are ready, as few as their bound allows. */
function joined(ready: readonly ReadyRequest[], signal: ReadyRequest['signal']): MakeBody[] {
  const groups: ReadyRequest[][] = [];
  let items = ITEMS_MAX;
  for (const request of ready) {
    if (request.signal !== signal) continue;
    items += request.items;
    if (items <= ITEMS_MAX) groups.at(-1)?.push(request);
    else {
      groups.push([request]);
      items = request.items;
    }
  }
  return groups.map((group) => () => {
    return { bytes: Buffer.concat(group.map(({ bytes }) => bytes)), encoding: 'protobuf' };
  });
}

/** One request after the other; what is refused keeps none of the others from being sent. */
async function inTurn(delivery: Delivery | undefined, bodies: readonly MakeBody[]): Promise<Delivered> {
  let worst: Delivered = 'accepted';
  for (const make of bodies) {
    const body = make();
    if (delivery === undefined || body === null) continue;
    const delivered = await delivery.deliver(body);
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

import type { OtlpTarget } from '../../../config/otlp/target.ts';
import { describeError } from '../../../core/errors.ts';
import type { Sender } from '../../../core/event.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { MIB, SECOND_MS } from '../../../core/units.ts';
import { Condition } from '../../condition.ts';
import type { Log } from '../../log.ts';
import { type Outgoing, outgoingOf } from './outgoing.ts';
import type { ForwardedSignal } from './proto/schema.ts';
import type { EventSpool, TakeBounds } from './queue/event-spool.ts';
import type { ExportCounts } from './queue/export-counts.ts';
import type { Delivered, Delivery } from './send/delivery.ts';

/** What of a target sends its events. */
export interface TargetExportOptions {
  readonly target: OtlpTarget;
  readonly spool: EventSpool;
  readonly counts: ExportCounts;
  /** Of the signals that events become for this target. */
  readonly deliveries: Readonly<Partial<Record<ForwardedSignal, Delivery>>>;
  /** The id that this collector sends under. */
  readonly id: string;
  readonly log: Log;
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
  readonly #unreadable: Condition;
  #wake = () => {};
  #hurried = false;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(options: TargetExportOptions) {
    this.#options = options;
    this.#unreadable = new Condition(options.log, 'otlp');
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
    const { target, spool, counts } = this.#options;
    const outgoing = outgoingOf(batches, target);
    const ofSignal = (signal: ForwardedSignal) => outgoing.filter((one) => one.signal === signal);
    const refused = new Set<number>();
    const done = await Promise.all([
      this.#inTurn(ofSignal('traces'), refused),
      this.#inTurn(ofSignal('logs'), refused),
    ]);
    if (done.includes(false)) {
      spool.putBack();
      return false;
    }
    const taken = batches.reduce((sum, { rows }) => sum + rows, 0);
    const lost = batches.reduce((sum, { rows }, batch) => sum + (refused.has(batch) ? rows : 0), 0);
    const settled = spool.acknowledge(); // The rows leave the spool's count in this moment, and are counted here.
    counts.drop('refused', lost);
    if (taken > lost) {
      counts.exported += taken - lost;
      counts.relieved();
    }
    await settled;
    return true;
  }

  /**
   * One request after the other; what is refused keeps none of the others from being sent.
   *
   * @param refused gets the batches of which something was refused for good.
   * @returns false: not all of it was sent.
   */
  async #inTurn(outgoing: readonly Outgoing[], refused: Set<number>): Promise<boolean> {
    for (const one of outgoing) {
      const delivered = await this.#deliver(one);
      if (delivered === 'stopped') return false;
      if (delivered !== 'refused') continue;
      // One sender's request that a receiver does not like takes none of the others with it.
      if (one.parts.length === 0) for (const batch of one.batches) refused.add(batch);
      else if (!(await this.#inTurn(one.parts, refused))) return false;
    }
    return true;
  }

  #deliver({ signal, via, body, parts }: Outgoing): Promise<Delivered> | Delivered {
    const { deliveries, id } = this.#options;
    const delivery = deliveries[signal];
    if (delivery === undefined) return 'accepted'; // Not asked for any more: an earlier process took it.
    try {
      return delivery.deliver({ body: body(), via: [id, ...via], divisible: parts.length > 0 });
    } catch (error) {
      this.#unreadable.begin(
        `What was received cannot be sent on: ${describeError(error)}; it is dropped, and counted.`,
      );
      return 'refused';
    }
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

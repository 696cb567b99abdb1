import type { OtlpTarget } from '../../../../config/otlp/target.ts';
import type { Sender } from '../../../../core/event.ts';
import type { Point } from '../../../../core/frame.ts';
import type { Via } from '../../../../core/passage.ts';
import { type Resources, SCOPE } from '../encode/resources.ts';
import type { SerializeMetrics } from '../encode/serializers.ts';
import type { Delivery } from '../send/delivery.ts';
import { SeriesSums } from './series-sums.ts';

export interface MetricExportOptions {
  readonly target: OtlpTarget;
  readonly resources: Resources;
  readonly delivery: Delivery;
  readonly serialize: SerializeMetrics;
  /** Brings what was measured since. Called before each collection. */
  readonly measure: () => void;
  /** What the metrics of a process have passed through, this collector included. */
  readonly viaOf: (sender: Sender | undefined) => Via;
}

interface Process {
  readonly sender: Sender | undefined;
  readonly sums: SeriesSums;
  /** It is gone: told once more, then forgotten. */
  left: boolean;
}

/** Processes with sums; what comes from more is left out until some are gone. */
const PROCESSES_MAX = 1000;

/** Sends the metrics of every process to one target, every so often; one that cannot be reached gets the next sums later. */
export class MetricExport {
  readonly #options: MetricExportOptions;
  readonly #processes = new Map<string, Process>();
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<boolean> | null = null;

  constructor(options: MetricExportOptions) {
    this.#options = options;
  }

  start(): void {
    const { metricsIntervalMs } = this.#options.target;
    this.#timer ??= setInterval(() => {
      if (this.#sending === null) void this.#send();
    }, metricsIntervalMs).unref();
  }

  /** @param sender absent: the collector itself. */
  add(sender: Sender | undefined, points: readonly Point[]): void {
    const instanceId = sender?.instanceId ?? '';
    let process = this.#processes.get(instanceId);
    if (process === undefined) {
      if (this.#processes.size >= PROCESSES_MAX || points.length === 0) return;
      process = { sender, sums: new SeriesSums(this.#options.target, Date.now()), left: false };
      this.#processes.set(instanceId, process);
    }
    process.sums.add(points, Date.now());
    process.left = false; // What it had sent before it went may come after.
  }

  /** A process has gone: what it measured is told once more. */
  leave(instanceId: string): void {
    const process = this.#processes.get(instanceId);
    if (process !== undefined) process.left = true;
  }

  /** Sends what there is now, with one more attempt. */
  async flush(): Promise<void> {
    this.#options.delivery.hurry();
    if ((await this.#sending) !== false) await this.#send();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#options.delivery.stop();
  }

  #send(): Promise<boolean> {
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  /** False: the receiver could not be reached before somebody had to stop. */
  async #sendAll(): Promise<boolean> {
    const { resources, delivery, serialize, measure, viaOf } = this.#options;
    measure();
    for (const [instanceId, { sender, sums, left }] of [...this.#processes]) {
      const metrics = sums.collect(Date.now());
      if (left) this.#processes.delete(instanceId);
      if (metrics.length === 0) continue;
      const body = serialize({
        resource: resources.of(sender),
        scopeMetrics: [{ scope: SCOPE, metrics }],
      });
      if ((await delivery.deliver({ body, via: viaOf(sender) })) === 'stopped') return false;
    }
    return true;
  }
}

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import type { AgentMessage, CollectorMessage, Point, Source } from '../../src/core/frame.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { milliseconds } from '../../src/core/units.ts';

const TOKEN = 'a-token-long-enough-for-a-test';

/** One process that sends to the collector, over a link that is two functions. */
export class Sender {
  readonly source: Source;
  #send: (message: AgentMessage) => void = () => {};
  #close = (): void => {};
  #batch = 0;
  readonly #accepted = new Map<number, () => void>();

  constructor(collector: Collector, service: string) {
    this.source = {
      service,
      instanceId: randomUUID(),
      host: 'a-host',
      pid: 4711,
      instrumentations: [],
      frameIntervalMs: milliseconds(1000),
    };
    collector.attach({
      onMessage: (listener) => {
        this.#send = listener;
      },
      onClose: (listener) => {
        this.#close = listener;
      },
      send: (message) => this.#hear(message),
      close: () => this.#close(),
    });
    this.#send({ type: 'hello', source: this.source });
  }

  /** Resolves once they are accepted. */
  events(events: readonly NervecenterEvent[]): Promise<void> {
    const batch = ++this.#batch;
    const accepted = new Promise<void>((resolve) => this.#accepted.set(batch, resolve));
    this.#send({ type: 'events', batch, again: false, events });
    return accepted;
  }

  frame(points: readonly Point[]): void {
    this.#send({ type: 'frame', frame: { seq: 1, endMs: milliseconds(Date.now()), points, dropped: {} } });
  }

  /** As a process that is killed: its link closes. */
  die(): void {
    this.#close();
  }

  #hear(message: CollectorMessage): void {
    if (message.type === 'accepted') this.#accepted.get(message.batch)?.();
  }
}

/** A whole collector without storage. */
export class ObservedCollector {
  readonly collector: Collector;
  readonly #directory: string;

  private constructor(collector: Collector, directory: string) {
    this.collector = collector;
    this.#directory = directory;
  }

  static async start(): Promise<ObservedCollector> {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    const env = {
      NERVECENTER_PORT: '0',
      NERVECENTER_STORAGE: 'off',
      NERVECENTER_ADMIN_TOKEN: TOKEN,
      NERVECENTER_DATA_DIR: directory,
      OTEL_SERVICE_NAME: 'a-service',
    };
    const config = readConfig(env, directory);
    return new ObservedCollector(await startCollector({ config, log: () => {}, host: null }), directory);
  }

  get address(): string {
    return new URL(this.collector.url).host;
  }

  async snapshot(): Promise<Snapshot> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    return (await (
      await fetch(`${this.collector.url}/api/metrics/snapshot`, { headers })
    ).json()) as Snapshot;
  }

  async metrics(accept: string): Promise<string> {
    return (await fetch(`${this.collector.url}/metrics`, { headers: { accept } })).text();
  }

  async stop(): Promise<void> {
    await this.collector.shutdown(1000);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

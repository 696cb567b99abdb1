import { randomUUID } from 'node:crypto';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Aggregator } from '../../../src/agent/metrics/aggregator.ts';
import { SnapshotReader } from '../../../src/agent/metrics/snapshot-reader.ts';
import { type Collector, startCollector } from '../../../src/collector/start.ts';
import { type PostgresConfig, readConfig } from '../../../src/config/config.ts';
import type { AgentMessage, CollectorMessage } from '../../../src/core/frame.ts';
import { CACHE_NAME, CACHE_REQUESTS, CACHE_RESULT } from '../../../src/core/signals/cache.ts';
import { type NervecenterEvent, signalOf } from '../../../src/core/signals/index.ts';
import {
  DIRECTION,
  RECEIVE,
  TRANSMIT,
  WS_BYTES,
  WS_MESSAGES,
  WS_OPENED,
} from '../../../src/core/signals/ws-session.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { milliseconds } from '../../../src/core/units.ts';

const TOKEN = 'a-token-long-enough-for-a-test';

/** A collector with one agent in the same process, which measures and sends what it is given. */
export class FedCollector {
  readonly collector: Collector;
  readonly lines: string[];
  readonly #aggregator = new Aggregator();
  readonly #reader = new SnapshotReader([this.#aggregator]);
  #send: (message: AgentMessage) => void = () => {};
  #accepted = 0;
  #batch = 0;

  private constructor(collector: Collector, lines: string[]) {
    new MeterProvider({ readers: [this.#reader] });
    this.collector = collector;
    this.lines = lines;
    collector.attach({
      onMessage: (listener) => {
        this.#send = listener;
      },
      onClose: () => {},
      send: (message: CollectorMessage) => {
        if (message.type === 'accepted') this.#accepted = message.batch;
      },
      close: () => {},
    });
    this.#send({
      type: 'hello',
      source: {
        service: 'app',
        instanceId: randomUUID(),
        host: 'h',
        pid: 1,
        instrumentations: [],
        frameIntervalMs: milliseconds(1000),
      },
    });
  }

  static async start(
    database: PostgresConfig,
    dataDir: string,
    env: Record<string, string> = {},
  ): Promise<FedCollector> {
    const lines: string[] = [];
    const config = readConfig(
      {
        ...database.env,
        NERVECENTER_PORT: '0',
        NERVECENTER_DATA_DIR: dataDir,
        NERVECENTER_ADMIN_TOKEN: TOKEN,
        NERVECENTER_INTERVAL_MS: '1000',
        ...env,
      },
      dataDir,
    );
    const log = (component: string, line: string) => lines.push(`${component}: ${line}`);
    return new FedCollector(await startCollector({ config, log, host: null }), lines);
  }

  /** Measures the events as an agent does, sends the measurements and then the events. */
  async feed(events: readonly NervecenterEvent[]): Promise<void> {
    for (const event of events) this.#measure(event);
    const points = await this.#reader.collectPoints();
    this.#send({ type: 'frame', frame: { seq: 1, endMs: milliseconds(Date.now()), points, dropped: {} } });
    this.#send({ type: 'events', batch: ++this.#batch, events });
  }

  /** Whether the collector has taken responsibility for everything it was sent. */
  get accepted(): boolean {
    return this.#accepted === this.#batch;
  }

  async snapshot(): Promise<Snapshot> {
    return (await this.get('/api/metrics/snapshot')).json() as Promise<Snapshot>;
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.collector.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  }

  /** Look-ups and messages an agent counts one by one, and makes events of later. */
  #measure(event: NervecenterEvent): void {
    const { record } = this.#aggregator;
    signalOf(event).measure(event, record);
    if (event.signal === 'cache') {
      record(CACHE_REQUESTS, event.hits, { [CACHE_NAME]: event.cacheName, [CACHE_RESULT]: 'hit' });
      record(CACHE_REQUESTS, event.misses, { [CACHE_NAME]: event.cacheName, [CACHE_RESULT]: 'miss' });
    } else if (event.signal === 'ws-session') {
      record(WS_OPENED, 1, {});
      record(WS_MESSAGES, event.messagesIn, { [DIRECTION]: RECEIVE });
      record(WS_MESSAGES, event.messagesOut, { [DIRECTION]: TRANSMIT });
      record(WS_BYTES, event.bytesIn, { [DIRECTION]: RECEIVE });
      record(WS_BYTES, event.bytesOut, { [DIRECTION]: TRANSMIT });
    }
  }
}

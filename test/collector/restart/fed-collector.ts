import { randomUUID } from 'node:crypto';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type Collector, startCollector } from '../../../src/collector/start.ts';
import { type PostgresConfig, readConfig } from '../../../src/config/config.ts';
import type { AgentMessage, CollectorMessage } from '../../../src/core/frame.ts';
import { CACHE_NAME, CACHE_REQUESTS, CACHE_RESULT } from '../../../src/core/signals/cache.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { counterOf } from '../../../src/core/signals/instruments.ts';
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
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';
import { WITHOUT_OTLP } from '../../support/free-port.ts';

const TOKEN = 'a-token-long-enough-for-a-test';

/** A collector with one agent in the same process, which sends what it is given. */
export class FedCollector {
  readonly collector: Collector;
  readonly lines: string[];
  readonly #provider = new DeltaMeterProvider();
  readonly #reader = new SnapshotReader([this.#provider]);
  #send: (message: AgentMessage) => void = () => {};
  #accepted = 0;
  #batch = 0;

  private constructor(collector: Collector, lines: string[], instanceId: string) {
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
        instanceId,
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
    instanceId: string = randomUUID(),
  ): Promise<FedCollector> {
    const lines: string[] = [];
    const config = readConfig(
      {
        ...database.env,
        NERVECENTER_PORT: '0',
        ...WITHOUT_OTLP,
        NERVECENTER_DATA_DIR: dataDir,
        NERVECENTER_ADMIN_TOKEN: TOKEN,
        NERVECENTER_INTERVAL_MS: '1000',
        ...env,
      },
      dataDir,
    );
    const log = (component: string, line: string) => lines.push(`${component}: ${line}`);
    return new FedCollector(await startCollector({ config, log, host: null }), lines, instanceId);
  }

  /** Sends the events, and what an agent counts one by one and makes events of later. */
  async feed(events: readonly NervecenterEvent[]): Promise<void> {
    for (const event of events) this.#count(event);
    const points = await this.#reader.collectPoints();
    this.#send({ type: 'frame', frame: { seq: 1, endMs: milliseconds(Date.now()), points, dropped: {} } });
    this.#send({ type: 'events', batch: ++this.#batch, again: false, events });
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

  #count(event: NervecenterEvent): void {
    const meter = this.#provider.getMeter();
    if (event.signal === 'cache') {
      const requests = counterOf(meter, CACHE_REQUESTS);
      requests.add(event.hits, { [CACHE_NAME]: event.cacheName, [CACHE_RESULT]: 'hit' });
      requests.add(event.misses, { [CACHE_NAME]: event.cacheName, [CACHE_RESULT]: 'miss' });
    } else if (event.signal === 'ws-session') {
      counterOf(meter, WS_OPENED).add(1);
      counterOf(meter, WS_MESSAGES).add(event.messagesIn, { [DIRECTION]: RECEIVE });
      counterOf(meter, WS_MESSAGES).add(event.messagesOut, { [DIRECTION]: TRANSMIT });
      counterOf(meter, WS_BYTES).add(event.bytesIn, { [DIRECTION]: RECEIVE });
      counterOf(meter, WS_BYTES).add(event.bytesOut, { [DIRECTION]: TRANSMIT });
    }
  }
}

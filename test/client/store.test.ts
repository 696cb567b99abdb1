import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import {
  createMetricsStore,
  MAX_HISTORY,
  type MetricsState,
  type MetricsStore,
  type Snapshot,
} from '../../src/client/index.ts';
import { FakeEnvironment } from './fake-environment.ts';

const START_MS = Date.parse('2026-11-22T10:00:00.000Z');

function snapshotAt(seq: number, changes: Partial<Snapshot> = {}): Snapshot {
  return { ...busy, seq, timestamp: new Date(START_MS + seq * 5000).toISOString(), ...changes };
}

let environment: FakeEnvironment;
let store: MetricsStore;
let state: MetricsState;

beforeEach(() => {
  environment = new FakeEnvironment();
  store = createMetricsStore(environment.options);
  store.subscribe((value) => {
    state = value;
  });
});

describe('the stream', () => {
  test('connects below the base URL and takes the first snapshot', () => {
    assert.equal(state.connection, 'idle');
    store.connect();
    assert.equal(environment.socket.url, 'ws://collector.test:9464/api/metrics/stream');
    assert.equal(state.connection, 'connecting');
    environment.socket.open();
    assert.equal(state.connected, true);
    environment.socket.sendSnapshot(snapshotAt(1));
    assert.equal(state.connection, 'live');
    assert.equal(state.snapshot?.seq, 1);
    assert.equal(state.lastUpdated?.getTime(), environment.clock.nowMs);
    assert.deepEqual(state.history.cpu, [busy.system.cpu_percent]);
  });

  test('an https base URL becomes wss', () => {
    const secure = createMetricsStore({ ...environment.options, baseUrl: 'https://app.example.com/' });
    secure.connect();
    assert.equal(environment.socket.url, 'wss://app.example.com/api/metrics/stream');
    secure.disconnect();
  });

  test('of one service, or one of its processes, says so in the address, polling too', async () => {
    const some = createMetricsStore({ ...environment.options, service: 'a b', instance: 'i' });
    some.connect();
    assert.equal(
      environment.socket.url,
      'ws://collector.test:9464/api/metrics/stream?service=a+b&instance=i',
    );
    environment.socket.fail();
    await environment.clock.advance(1);
    assert.equal(
      environment.fetched.at(-1),
      'http://collector.test:9464/api/metrics/snapshot?service=a+b&instance=i',
    );
    some.disconnect();
  });

  test('keeps whose figures they are, and who else there is', () => {
    store.connect();
    environment.socket.open();
    const filter = {
      service: 'a',
      instance: null,
      senders: busy.instances,
      folded: { services: 1, instances: 2 },
    };
    environment.socket.sendSnapshot(snapshotAt(1, { filter }));
    assert.deepEqual(state.snapshot?.filter, filter);
    environment.socket.sendSnapshot(snapshotAt(2, { filter: { senders: 'none' } as never }));
    assert.deepEqual(state.snapshot?.filter?.senders, []);
  });

  test('connecting twice makes one socket', () => {
    store.connect();
    environment.socket.open();
    store.connect();
    assert.equal(environment.sockets.length, 1);
  });

  test('keeps the newest 60 snapshots, each once', () => {
    store.connect();
    environment.socket.open();
    for (let seq = 1; seq <= 100; seq++) environment.socket.sendSnapshot(snapshotAt(seq));
    environment.socket.sendSnapshot(snapshotAt(100));
    environment.socket.sendSnapshot(snapshotAt(99));
    assert.equal(state.snapshot?.seq, 100);
    assert.equal(state.history.timestamps.length, MAX_HISTORY);
    assert.equal(state.history.timestamps.at(-1), snapshotAt(100).timestamp);
    for (const column of Object.values(state.history)) assert.equal(column.length, MAX_HISTORY);
  });

  test('counts snapshots it never saw', () => {
    store.connect();
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(1));
    environment.socket.sendSnapshot(snapshotAt(5));
    assert.equal(state.missed, 3);
  });

  test('a restarted collector starts its own sequence', () => {
    store.connect();
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(500));
    environment.socket.sendSnapshot(snapshotAt(1, { boot_id: 'another', service: 'after' }));
    assert.equal(state.snapshot?.service, 'after');
    assert.equal(state.restarts, 1);
    assert.equal(state.missed, 0);
    assert.equal(state.history.cpu.length, 2);
  });

  test('disconnect ends everything and keeps the values', async () => {
    store.connect();
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(1));
    const { socket } = environment;
    store.disconnect();
    assert.equal(socket.closed, true);
    assert.equal(state.connection, 'idle');
    assert.equal(state.snapshot?.seq, 1);
    await environment.clock.advance(600_000);
    assert.equal(environment.sockets.length, 1);
    assert.equal(environment.fetched.length, 0);
    assert.equal(environment.clock.pending, 0);
  });

  test('reset forgets everything', () => {
    store.connect();
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(1));
    store.reset();
    assert.equal(state.snapshot, null);
    assert.deepEqual(state.history.cpu, []);
    assert.equal(environment.clock.pending, 0);
  });
});

describe('unreadable messages', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['no JSON', '{"type":'],
    ['binary', new Uint8Array([1, 2])],
    ['null', 'null'],
    ['an array', '[]'],
    ['no type', '{}'],
    ['no data', '{"type":"metrics_snapshot"}'],
    ['a section missing', JSON.stringify({ type: 'metrics_snapshot', data: { ...busy, system: undefined } })],
    [
      'a number that is text',
      JSON.stringify({
        type: 'metrics_snapshot',
        data: { ...busy, system: { ...busy.system, cpu_percent: 'high' } },
      }),
    ],
    ['no time', JSON.stringify({ type: 'metrics_snapshot', data: { ...busy, timestamp: 'soon' } })],
    ['far too long', `{"type":"${'x'.repeat(5 * 1024 * 1024)}"}`],
  ];
  for (const [name, data] of cases) {
    test(`${name}: counted, and the values stay`, () => {
      store.connect();
      environment.socket.open();
      environment.socket.sendSnapshot(snapshotAt(1));
      environment.socket.send(data);
      assert.equal(state.malformed, 1);
      assert.notEqual(state.error, null);
      assert.equal(state.snapshot?.seq, 1);
      environment.socket.sendSnapshot(snapshotAt(2));
      assert.equal(state.error, null);
    });
  }

  test('a message of a kind it does not know is no error', () => {
    store.connect();
    environment.socket.open();
    environment.socket.send('{"type":"announcement"}');
    assert.equal(state.malformed, 0);
    assert.equal(state.error, null);
  });

  test('an older collector without the additions is read, the additions are neutral', () => {
    const { timestamp, uptime_seconds, system, websocket, cache } = snapshotAt(1);
    const { stages: _stages, window_count: _count, ...rag } = busy.rag;
    const { by_model: _models, ...llm } = busy.llm;
    store.connect();
    environment.socket.open();
    const api = { endpoints: { '/a': { requests: 1 }, '/b': 'nonsense' } };
    environment.socket.sendSnapshot({ timestamp, uptime_seconds, system, websocket, rag, cache, llm, api });
    assert.equal(state.malformed, 0);
    assert.deepEqual(state.snapshot?.rag.stages, {});
    assert.deepEqual(state.snapshot?.llm.by_model, []);
    assert.equal(state.snapshot?.pipeline.storage, 'off');
    assert.deepEqual(state.snapshot?.api.endpoints, {
      '/a': { requests: 1, latency_avg_ms: 0, latency_p95_ms: 0, errors: 0 },
    });
  });
});

describe('reconnecting', () => {
  test('waits below a ceiling that doubles from 1 s to 30 s, for ever', async () => {
    environment.random = 0.999;
    store.connect();
    for (let attempt = 0; attempt < 50; attempt++) {
      environment.socket.fail();
      const delayMs = (state.nextAttemptAt ?? 0) - environment.clock.nowMs;
      const ceilingMs = Math.min(1000 * 2 ** attempt, 30_000);
      assert.ok(delayMs <= ceilingMs && delayMs >= ceilingMs * 0.99, `attempt ${attempt}: ${delayMs}`);
      await environment.clock.advance(delayMs);
      assert.equal(environment.sockets.length, attempt + 2);
    }
  });

  test('jitter is full: the wait may be nothing', () => {
    environment.random = 0;
    store.connect();
    environment.socket.fail();
    assert.equal(state.nextAttemptAt, environment.clock.nowMs);
  });

  test('a snapshot, and not yet the open socket, starts the backoff anew', async () => {
    environment.random = 0.999;
    store.connect();
    const waitMs = () => (state.nextAttemptAt ?? 0) - environment.clock.nowMs;
    for (let attempt = 0; attempt < 4; attempt++) {
      environment.socket.open();
      environment.socket.fail();
      assert.ok(waitMs() >= 1000 * 2 ** attempt * 0.99, `attempt ${attempt}: ${waitMs()}`);
      await environment.clock.advance(waitMs());
    }
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(1));
    environment.socket.fail();
    assert.ok(waitMs() <= 1000);
  });

  test('connect while waiting tries at once', () => {
    store.connect();
    environment.socket.fail();
    assert.equal(state.connection, 'waiting');
    store.connect();
    assert.equal(environment.sockets.length, 2);
    assert.equal(state.nextAttemptAt, null);
  });

  test('a socket that never opens is given up', async () => {
    store.connect();
    const { socket } = environment;
    await environment.clock.advance(10_000);
    assert.equal(socket.closed, true);
    assert.equal(socket.onopen, null);
  });

  test('a constructor that throws is one failed attempt', async () => {
    environment.refuseSockets = true;
    store.connect();
    assert.equal(state.connection, 'waiting');
    environment.refuseSockets = false;
    await environment.clock.advance(1000);
    assert.equal(environment.sockets.length, 1);
  });

  test('keeps the values, marks them stale, and recovers', async () => {
    store.connect();
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(1));
    environment.socket.fail();
    assert.equal(state.connected, false);
    assert.equal(state.stale, true);
    assert.equal(state.snapshot?.seq, 1);
    await environment.clock.advance(1000);
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(9));
    assert.equal(state.connection, 'live');
    assert.equal(state.stale, false);
    assert.equal(state.error, null);
  });
});

describe('silence', () => {
  test('three intervals without a snapshot are a lost connection', async () => {
    store.connect();
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(1));
    environment.socket.sendSnapshot(snapshotAt(2));
    const { socket } = environment;
    await environment.clock.advance(14_999);
    assert.equal(socket.closed, false);
    await environment.clock.advance(1);
    assert.equal(socket.closed, true);
    assert.equal(state.stale, true);
    await environment.clock.advance(1000);
    assert.equal(environment.sockets.length, 2);
  });

  test('learns a slower stream instead of reconnecting for ever', async () => {
    store.connect();
    let opened = 0;
    // The collector speaks at once on every connection, then every 60 s.
    for (let second = 0; second < 600; second++) {
      const isNew = environment.sockets.length > opened;
      if (isNew) environment.socket.open();
      opened = environment.sockets.length;
      const seq = 1 + Math.floor(second / 60);
      const timestamp = new Date(START_MS + seq * 60_000).toISOString();
      if (isNew || second % 60 === 0) environment.socket.sendSnapshot(snapshotAt(seq, { timestamp }));
      await environment.clock.advance(1000);
    }
    assert.ok(environment.sockets.length <= 4, `${environment.sockets.length} connections`);
    assert.equal(state.intervalMs, 60_000);
  });

  test('is not misled by a snapshot made for the new viewer, nor by one late tick', () => {
    store.connect();
    environment.socket.open();
    const seconds = [4.3, 5, 10, 15, 22, 25, 30];
    seconds.forEach((second, index) => {
      const timestamp = new Date(START_MS + second * 1000).toISOString();
      environment.socket.sendSnapshot(snapshotAt(index + 1, { timestamp }));
      assert.equal(state.intervalMs, 5000);
    });
  });
});

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import {
  createMetricsStore,
  type MetricsState,
  type MetricsStore,
  metricsSnapshot,
  metricsStore,
  type Snapshot,
  systemHealth,
} from '../../src/client/index.ts';
import { answer, FakeEnvironment, settle, unreachable } from './fake-environment.ts';

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

describe('polling', () => {
  test('fetches every interval while there is no WebSocket, and stops when it is back', async () => {
    environment.answer = answer(200, snapshotAt(1));
    environment.random = 0.999;
    store.connect();
    environment.socket.fail();
    await settle();
    assert.equal(environment.fetched[0], 'http://collector.test:9464/api/metrics/snapshot');
    assert.equal(state.connection, 'polling');
    assert.equal(state.connected, false);
    assert.equal(state.stale, false);
    assert.equal(state.error, null);
    environment.answer = answer(200, snapshotAt(2));
    await environment.clock.advance(5000);
    assert.equal(environment.fetched.length, 2);
    assert.equal(state.snapshot?.seq, 2);
    environment.socket.open();
    environment.socket.sendSnapshot(snapshotAt(3));
    assert.equal(state.connection, 'live');
    await environment.clock.advance(10_000);
    assert.equal(environment.fetched.length, 2);
  });

  test('a failed poll says so and marks the values stale', async () => {
    environment.answer = answer(200, snapshotAt(1));
    environment.random = 0.999;
    store.connect();
    environment.socket.fail();
    await settle();
    environment.answer = unreachable;
    await environment.clock.advance(5000);
    assert.equal(state.stale, true);
    assert.notEqual(state.connection, 'polling');
    assert.match(state.error ?? '', /cannot be reached|not answer/);
    assert.equal(state.snapshot?.seq, 1);
  });

  test('401 asks for a login, and an answer ends it', async () => {
    environment.answer = answer(401);
    store.connect();
    environment.socket.fail();
    await settle();
    assert.equal(state.loginNeeded, true);
    assert.match(state.error ?? '', /[Ll]ogin/);
    environment.answer = answer(200, snapshotAt(1));
    await environment.clock.advance(5000);
    assert.equal(state.loginNeeded, false);
    assert.equal(state.snapshot?.seq, 1);
  });

  test('an answer that is no snapshot is counted', async () => {
    environment.answer = answer(200, { hello: 'world' });
    await store.fetchSnapshot();
    assert.equal(state.malformed, 1);
    assert.equal(state.snapshot, null);
  });

  test('an answer that never comes is given up', async () => {
    let aborted = false;
    const slow = createMetricsStore({
      ...environment.options,
      fetch: (_url, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          });
        }),
    });
    const fetched = slow.fetchSnapshot();
    await environment.clock.advance(10_000);
    await fetched;
    assert.equal(aborted, true);
  });

  test('fetchSnapshot works without a stream and never rejects', async () => {
    environment.answer = answer(200, snapshotAt(7));
    await store.fetchSnapshot();
    assert.equal(state.snapshot?.seq, 7);
    environment.answer = answer(503);
    await store.fetchSnapshot();
    assert.match(state.error ?? '', /503/);
  });

  test('an answer that arrives after reset is ignored', async () => {
    environment.answer = answer(200, snapshotAt(7));
    const fetched = store.fetchSnapshot();
    store.reset();
    await fetched;
    assert.equal(state.snapshot, null);
  });
});

describe('the default store', () => {
  test('loads without a page, and its derived stores call back at once', () => {
    const seen: unknown[] = [];
    metricsSnapshot.subscribe((value) => seen.push(value))();
    systemHealth.subscribe((value) => seen.push(value))();
    assert.deepEqual(seen, [null, 'unknown']);
  });

  test('without a page and a base URL, connecting fails into the state', () => {
    let error: string | null = null;
    const end = metricsStore.subscribe((value) => {
      error = value.error;
    });
    metricsStore.connect();
    metricsStore.disconnect();
    end();
    assert.match(error ?? '', /baseUrl/);
    metricsStore.reset();
  });
});

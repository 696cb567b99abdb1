import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'vitest';
import { WebSocket } from 'ws';
import { filterKey, isEverybody, type SenderFilter } from '../../../src/core/history/sender-filter.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { until } from '../../support/poll.ts';
import { AUTHORIZED, SNAPSHOT, startServer } from './fixture.ts';

/** Says in each snapshot whose it is. */
const snapshotOf = (filter?: SenderFilter): Snapshot => ({
  ...SNAPSHOT,
  llm: { ...SNAPSHOT.llm, ...filter },
});

describe('routes', () => {
  it('answer with the figures of the service and the instance that are asked for', async (test) => {
    const { send } = await startServer(test, { sources: { snapshot: snapshotOf } });
    const asked = async (path: string) => (await send(path, { headers: AUTHORIZED })).json();
    const { llm } = (await asked('/api/metrics/snapshot?service=a%20b&instance=i')) as unknown as Snapshot;
    assert.deepEqual(llm, { total_requests: 4, service: 'a b', instance: 'i' });
    assert.equal((await asked('/api/metrics/llm?service=a'))['service'], 'a');
    for (const all of ['', '?', '?service=', '?service=&instance=', '?_=1'])
      assert.equal((await asked(`/api/metrics/llm${all}`))['service'], null);
  });

  it('say which of the two cannot be used, and why', async (test) => {
    const { send } = await startServer(test);
    for (const path of ['snapshot', 'system', 'rag', 'llm']) {
      const answer = await send(`/api/metrics/${path}?service=a&service=b`, { headers: AUTHORIZED });
      assert.equal(answer.status, 400);
      assert.equal(answer.json()['detail'], 'service: expected one value, got "a, b".');
    }
    for (const value of ['x'.repeat(256), '%00']) {
      const { status, text } = await send(`/api/metrics/snapshot?instance=${value}`, { headers: AUTHORIZED });
      assert.equal(status, 400);
      assert.match(text, /instance: expected at most 255 characters without NUL/);
    }
  });
});

async function watch(test: TestContext, port: number, query: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/metrics/stream${query}`, { headers: AUTHORIZED });
  test.onTestFinished(() => socket.terminate());
  const messages: string[] = [];
  socket.on('message', (message) => messages.push(message.toString()));
  const [outcome] = await Promise.race([
    once(socket, 'open').then(() => ['open']),
    once(socket, 'unexpected-response').then(([, response]) => [String(response.statusCode)]),
  ]);
  socket.on('error', () => {});
  return { socket, messages, outcome };
}

describe('the stream of some senders', () => {
  it('is serialised once a tick for all who watch the same', async (test) => {
    const asked: string[] = [];
    let tick = 0;
    const latestSnapshotJson = (filter?: SenderFilter) => {
      if (filter === undefined || isEverybody(filter)) return `{"all":${tick}}`;
      const json = `{"of":${filterKey(filter)},"tick":${tick}}`;
      asked.push(json);
      return json;
    };
    const { server, port } = await startServer(test, { sources: { latestSnapshotJson } });
    const queries = [
      '',
      '?service=a',
      '?service=a',
      '?service=a',
      '?service=a&instance=i',
      '?instance=&service=',
    ];
    const viewers = await Promise.all(queries.map((query) => watch(test, port, query)));
    asked.length = 0;
    tick = 1;
    server.broadcast('{"all":1}');
    await until(() => viewers.every(({ messages }) => messages.length === 2));
    const [a, ai] = ['{"of":["a",null],"tick":1}', '{"of":["a","i"],"tick":1}'];
    assert.deepEqual(
      viewers.map(({ messages }) => messages[1]),
      ['{"all":1}', a, a, a, ai, '{"all":1}'].map((json) => `{"type":"metrics_snapshot","data":${json}}`),
    );
    assert.deepEqual(asked.toSorted(), [ai, a].toSorted());
    assert.equal(server.viewers, 6);
  });

  it('goes on where the snapshot of one filter fails', async (test) => {
    let fails = false;
    const latestSnapshotJson = (filter?: SenderFilter) => {
      if (fails && filter?.service === 'bad') throw new Error('cannot be made');
      return '{}';
    };
    const { server, port, logs } = await startServer(test, { sources: { latestSnapshotJson } });
    const [bad, good] = [await watch(test, port, '?service=bad'), await watch(test, port, '?service=good')];
    fails = true;
    server.broadcast('{}');
    await until(() => good.messages.length === 2);
    assert.equal(bad.messages.length, 1);
    assert.equal(logs.filter((line) => line.includes('cannot be made')).length, 1);
  });

  it('has a bound of distinct filters, and room again when one is watched no more', async (test) => {
    const { server, port } = await startServer(test);
    const viewers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => watch(test, port, `?service=s${i}`)),
    );
    assert.ok(viewers.every(({ outcome }) => outcome === 'open'));
    assert.equal((await watch(test, port, '?service=one-too-many')).outcome, '503');
    assert.equal((await watch(test, port, '?service=s0')).outcome, 'open');
    assert.equal((await watch(test, port, '')).outcome, 'open');
    assert.equal((await watch(test, port, '?service=a&service=b')).outcome, '400');
    viewers[19]?.socket.close();
    await until(() => server.viewers === 21);
    assert.equal((await watch(test, port, '?service=one-too-many')).outcome, 'open');
  });
});

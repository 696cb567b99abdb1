import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { ObservedApp } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';

const APP = join(import.meta.dirname, '..', 'fixtures', 'names.cjs');
const USED = 200;
const SESSIONS = 300;

const sumOf = <T>(all: Readonly<Record<string, T>> | readonly T[], value: (one: T) => number): number =>
  Object.values(all).reduce((sum: number, one: T) => sum + value(one), 0);

describe('an app with more names than are told apart', () => {
  let app: ObservedApp;
  let url: string;
  beforeAll(async () => {
    app = new ObservedApp(APP, { env: { NERVECENTER_PROMETHEUS: 'on' } });
    url = await app.appUrl();
    await app.started();
  });
  afterAll(() => app.stop());

  /** The rows of a signal that history counts by a name. */
  async function rowsBy(signal: string, dimension: string): Promise<Readonly<Record<string, number>>> {
    const answer = await app.get(
      `/api/metrics/history?signal=${signal}&measure=count&group_by=${dimension}&from=-1h&step=all`,
    );
    assert.equal(answer.status, 200, await answer.clone().text());
    const { series } = (await answer.json()) as {
      readonly series: readonly {
        readonly group: Readonly<Record<string, string>>;
        readonly points: readonly (readonly [unknown, number | null])[];
      }[];
    };
    return Object.fromEntries(
      series.map(({ group, points }) => [group[dimension] ?? '', sumOf(points, ([, n]) => n ?? 0)]),
    );
  }

  it('shows the cache `rag`, and another one in use, after fifty others', async () => {
    await fetch(`${url}/caches`);
    const { cache, pipeline } = await app.snapshotWhen(
      ({ cache: { caches } }) => (caches['answers']?.misses ?? 0) > 0,
    );
    assert.deepEqual([cache.rag_hits, cache.caches['rag']?.hits], [USED, USED]);
    assert.equal(cache.caches['answers']?.misses, USED);
    assert.equal(
      sumOf(cache.caches, ({ hits, misses }) => hits + misses),
      50 + 2 * USED,
    );
    assert.equal(pipeline.labels_folded_by['cache'], 2);
  });

  it('shows the model `gpt-4o` after a thousand others, and loses no call', async () => {
    await fetch(`${url}/models`);
    const { llm, pipeline } = await app.snapshotWhen(
      ({ llm: { total_requests } }) => total_requests >= 1000 + USED,
    );
    const gpt = llm.by_model.find(({ model }) => model === 'gpt-4o');
    assert.ok((gpt?.requests ?? 0) >= USED - 1, 'what was refused once has its name from then on');
    assert.equal(
      sumOf(llm.by_model, ({ requests }) => requests),
      1000 + USED,
    );
    assert.ok(llm.by_model.length <= 201);
    assert.ok((pipeline.labels_folded_by['model'] ?? 0) > 0);
    assert.ok(pipeline.labels_folded >= sumOf(pipeline.labels_folded_by, (count) => count));
  });

  it('shows a route after three thousand raw paths, and loses no request', async () => {
    await fetch(`${url}/routes`);
    const { api } = await app.snapshotWhen(
      ({ api: { requests_total } }) => requests_total >= 3000 + USED + 3,
    );
    assert.ok(
      (api.endpoints['/chat']?.requests ?? 0) >= USED - 1,
      'what was refused once has its name from then on',
    );
    assert.equal(
      sumOf(api.endpoints, ({ requests }) => requests),
      api.requests_total,
    );
    assert.equal(Object.keys(api.endpoints).length, 200);
    assert.equal(api.overflow_endpoints, api.endpoints['<other>']?.requests);
    const metrics = await (await app.get('/metrics')).text();
    assert.match(metrics, /^nervecenter_labels_folded_total\{.*nervecenter_label="http\.route".*\} \d+/m);
  });

  it('stores WebSocket sessions by paths without their ids', async () => {
    for (let i = 0; i < SESSIONS; i++) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/rooms/${i}/socket?secret`);
      await once(socket, 'close');
    }
    await until(async () => Object.keys(await rowsBy('ws-session', 'path')).length > 0);
    await until(async () => (await rowsBy('ws-session', 'path'))['/rooms/:id/socket'] === SESSIONS);
    assert.deepEqual(Object.keys(await rowsBy('ws-session', 'path')), ['/rooms/:id/socket']);
  });

  it('keeps the exact name in the row of every call', async () => {
    const answer = await app.get('/api/metrics/events?signal=llm-call&model=made-up-7');
    const { events } = (await answer.json()) as { readonly events: readonly { readonly model: string }[] };
    assert.deepEqual(
      events.map(({ model }) => model),
      ['made-up-7'],
    );
  });
});

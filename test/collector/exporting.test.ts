import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { spanEvent } from '../../src/agent/sdk/span-event.ts';
import { spanIdOf } from '../../src/core/event.ts';
import type { TraceAnswer } from '../../src/core/history/trace.ts';
import type { RequestEvent } from '../../src/core/signals/request.ts';
import type { SpanEvent } from '../../src/core/signals/span.ts';
import { milliseconds } from '../../src/core/units.ts';
import { newEventId } from '../../src/platform/ids.ts';
import { freePort } from '../support/free-port.ts';
import { OtlpReceiver } from '../support/otlp/receiver.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { FedCollector } from './restart/fed-collector.ts';
import { traffic } from './restart/traffic.ts';
import { requestEvent } from './sinks/postgres/events.ts';

const CHILD = join(import.meta.dirname, 'restart', 'child.ts');
const SPANS_PER_ROUND = 8;
const ROUNDS = 40;
const COUNT = 'SELECT count(*)::int AS rows FROM enterprise.request_metrics';
const ROWS = ROUNDS * 2;

let server: TestPostgres;
const stops: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function newDataDir(): string {
  const dataDir = reachableTempDir();
  stops.push(async () => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

async function fedCollector(dataDir: string, env: Record<string, string>): Promise<FedCollector> {
  const fed = await FedCollector.start(await server.createDatabase(), dataDir, env);
  stops.push(() => fed.collector.shutdown(5000));
  return fed;
}

async function receiving(port: number, foreign = false): Promise<OtlpReceiver> {
  const receiver = await OtlpReceiver.start({ port, foreign });
  stops.push(() => receiver.stop());
  return receiver;
}

const spanIds = (receiver: OtlpReceiver) => new Set(receiver.spans.map(({ spanId }) => spanId));

/** A request and a span that the app began in it, as an agent hands them over. */
function appTrace(): [RequestEvent & { readonly traceId: string }, SpanEvent] {
  const timeMs = Date.now();
  const traceId = randomUUID().replaceAll('-', '');
  const request = { ...requestEvent(), id: newEventId(timeMs), timeMs: milliseconds(timeMs), traceId };
  const time: readonly [number, number] = [Math.floor(timeMs / 1000) - 1, 0];
  const span = spanEvent({
    name: 'prepare',
    kind: 0,
    spanContext: () => ({ traceId, spanId: 'a'.repeat(16), traceFlags: 1 }),
    parentSpanContext: { traceId, spanId: spanIdOf(request.id), traceFlags: 1 },
    startTime: [...time],
    endTime: [...time],
    duration: [0, 0],
    status: { code: 0 },
    attributes: { 'app.step': 'one', 'app.said': 'whatever the app says' },
    links: [],
    events: [],
    instrumentationScope: { name: 'app' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  });
  return [request, span];
}

async function traceIn(fed: FedCollector, traceId: string, items: number): Promise<TraceAnswer> {
  let trace: TraceAnswer | null = null;
  await until(async () => {
    const answer = await fed.get(`/api/metrics/traces/${traceId}`);
    trace = answer.ok ? ((await answer.json()) as TraceAnswer) : null;
    return trace?.items.length === items;
  });
  return trace ?? assert.fail();
}

describe('a collector that sends by OTLP', () => {
  it('stores rows as ever while its receiver is down, and says what waits', async () => {
    const database = await server.createDatabase();
    const port = await freePort();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
    const fed = await FedCollector.start(database, newDataDir(), env);
    stops.push(() => fed.collector.shutdown(5000));
    await fed.feed(traffic(ROUNDS));
    await until(() => fed.accepted);
    await until(async () => {
      const { rows } = await server.using(database, (client) => client.query<{ rows: number }>(COUNT));
      return rows[0]?.rows === ROWS;
    });
    const metrics = await (await fed.get('/metrics')).text();
    const line = (name: string) =>
      new RegExp(`^nervecenter_otlp_export_${name}\\{.*\\} (\\d+)$`, 'm').exec(metrics)?.[1];
    const events = String(ROUNDS * 5);
    assert.deepEqual(
      [line('accepted_events_total') ?? line('accepted_total'), line('waiting')],
      [events, events],
    );
    const receiver = await receiving(port);
    await until(() => spanIds(receiver).size === ROUNDS * SPANS_PER_ROUND);
    assert.deepEqual(receiver.problems, []);
  });

  it('gives its receiver all of it while the database is away, and with storage off', async () => {
    for (const env of [
      { NERVECENTER_STORAGE: 'off' },
      { PGPORT: String(await freePort()), PGHOST: '127.0.0.1' },
    ]) {
      const receiver = await receiving(await freePort());
      const fed = await fedCollector(newDataDir(), { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env });
      await fed.feed(traffic(ROUNDS));
      await until(() => fed.accepted);
      await until(() => spanIds(receiver).size === ROUNDS * SPANS_PER_ROUND);
    }
  });

  it('sends spans of an app as they are, and keeps of them what is kept of others', async () => {
    const [request, span] = appTrace();
    for (const spans of ['on', 'off']) {
      const receiver = await receiving(await freePort(), true);
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, NERVECENTER_SPANS: spans };
      const fed = await fedCollector(newDataDir(), env);
      await fed.feed([request, span]);
      await until(() => receiver.spans.length === 2);
      const sent = receiver.spans.find(({ name }) => name === 'prepare');
      assert.equal(sent?.attributes['app.said'], 'whatever the app says');
      const trace = await traceIn(fed, request.traceId, spans === 'on' ? 2 : 1);
      const kept = trace.items.find(({ kind }) => kind === 'span');
      assert.equal(kept?.parent_id, spans === 'on' ? request.id : undefined);
      assert.deepEqual(kept?.attributes, spans === 'on' ? { 'app.step': 'one' } : undefined);
    }
  });

  it('killed with its receiver down, leaves to the next one what it had accepted: each span under its id, once', async () => {
    const [database, dataDir, port] = [await server.createDatabase(), newDataDir(), await freePort()];
    const endpoint = `http://127.0.0.1:${port}`;
    const child = spawn(process.execPath, [CHILD, JSON.stringify(database), dataDir, endpoint], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    const closed = once(child, 'close');
    await until(() => said.endsWith('}'));
    child.kill('SIGKILL');
    await closed;
    const receiver = await receiving(port);
    const fed = await FedCollector.start(database, dataDir, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    stops.push(() => fed.collector.shutdown(5000));
    await until(() => receiver.spans.length >= ROUNDS * SPANS_PER_ROUND);
    assert.equal(spanIds(receiver).size, ROUNDS * SPANS_PER_ROUND);
  });
});

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, type TestContext, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { createEvents } from '../../../src/collector/sinks/postgres/history/events.ts';
import { createHistory } from '../../../src/collector/sinks/postgres/history/history.ts';
import { createTraces } from '../../../src/collector/sinks/postgres/history/traces.ts';
import { parseEventsQuery } from '../../../src/core/history/parameters.ts';
import { startServer, TOKEN } from '../../collector/server/fixture.ts';
import { openHistory, type TestHistory } from '../../collector/sinks/postgres/history/fixture.ts';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';

const MARKUP = '<img src=x onerror="window.pwned=1">';
const RTL = '\u202egnp.exe';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const cleanUp: (() => unknown)[] = [];

let dashboard: BuiltDashboard;
let browser: Browser;
let postgres: TestPostgres;
let store: TestHistory;
let origin: string;
let page: Page;
let faults: string[];

beforeAll(async () => {
  [dashboard, browser, postgres] = await Promise.all([builtDashboard(), launchBrowser(), startPostgres()]);
  const late = { onTestFinished: (work: () => unknown) => cleanUp.unshift(work) } as unknown as TestContext;
  store = await openHistory(late, postgres);
  await fillRows();
  const snapshot = { ...busy, timestamp: new Date().toISOString() };
  const [history, events] = [createHistory(store.lend), createEvents(store.lend)];
  const server = await startServer(late, {
    assets: await assetsOf(dashboard.directory),
    sources: {
      snapshot: () => snapshot,
      latestSnapshotJson: () => JSON.stringify(snapshot),
      history,
      events,
      trace: createTraces(store.lend),
    },
  });
  origin = server.url;
});

afterAll(async () => {
  await browser?.close();
  for (const work of cleanUp) await work();
  await postgres?.stop();
  await dashboard?.remove();
});

afterEach(() => page?.context().close());

async function assetsOf(directory: string): Promise<Record<string, Buffer>> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const read = files
    .filter((file) => file.isFile())
    .map(async ({ parentPath, name }): Promise<[string, Buffer]> => {
      const path = join(parentPath, name);
      return [path.slice(directory.length + 1), await readFile(path)];
    });
  return Object.fromEntries(await Promise.all(read));
}

/** 120 requests of the last 40 minutes, 30 of them slow; a trace of four events; names that are markup. */
async function fillRows(): Promise<void> {
  await store.sql(`INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, user_email)
    SELECT now() - i * interval '20 seconds', CASE WHEN i % 4 = 0 THEN '/slow/:id' ELSE '/quick' END, 'GET',
      CASE WHEN i % 30 = 7 THEN 503 ELSE 200 END, CASE WHEN i % 4 = 0 THEN 800 + i ELSE 12 END, 'user' || i % 3
    FROM generate_series(1, 120) AS i`);
  // All of a trace at one moment: statements have their own.
  const at = `to_timestamp(${(Date.now() - 180_000) / 1000})`;
  const traced: readonly [string, string, string][] = [
    ['request_metrics', 'endpoint, method, status_code, response_time_ms', `'/ask', 'POST', 200, 1000`],
    ['rag_metrics', 'total_ms, outcome', `300, 'ok'`],
    [
      'llm_call_metrics',
      'model, provider, elapsed_ms, success, outcome, error_type',
      `'gpt-4o', 'openai', 500, false, 'error', 'Timeout'`,
    ],
    [
      'ws_session_metrics',
      'path, duration_ms, messages_in, messages_out, bytes_in, bytes_out',
      `'/chat', 2000, 3, 4, 50, 60`,
    ],
  ];
  for (const [table, columns, values] of traced)
    await store.sql(
      `INSERT INTO enterprise.${table} (timestamp, trace_id, ${columns}) VALUES (${at}, '${TRACE}', ${values})`,
    );
  // What an SDK saw of the request's call, and of a search in another service whose caller is not stored.
  await store.sql(
    `INSERT INTO enterprise.spans (timestamp, trace_id, span_id, parent_span_id, name, kind, duration_ms, status, attributes, service)
     VALUES (${at}, '${TRACE}', '1111111111111111', '2222222222222222', 'chat gpt-4o', 'client', 502, 'error', '{"a": 1}', NULL),
       (now() - interval '1 minute', '${TRACE}', '3333333333333333', '4444444444444444', 'vector search', 'server', 50, 'ok', '{"db.system.name": "qdrant"}', 'search')`,
  );
  await store.sql(
    `INSERT INTO enterprise.llm_call_metrics (timestamp, model, provider, elapsed_ms, success, outcome, error_type, user_email, department, service)
     VALUES (now() - interval '1 minute', $1, $1, 5, false, 'error', $1, $2, $1, $1)`,
    [MARKUP, RTL],
  );
  await store.sql(
    `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, user_email, department)
     VALUES (now() - interval '1 minute', $1, 'GET', 500, 5, $2, $1), (now() - interval '1 minute', $2, 'GET', 200, 5, $1, $2)`,
    [MARKUP, RTL],
  );
}

async function open(path: string, width = 1440): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  await context.request.post(`${origin}/login`, { data: { token: TOKEN }, headers: { origin } });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(`${origin}${path}`);
}

const search = () => new URL(page.url()).searchParams;
const panel = (id: string) => page.locator(`[data-panel="${id}"]`);
const routes = () => panel('api-routes').getByRole('rowheader').allTextContents();
const items = () => panel('events-trace').getByRole('treeitem');
const namesOf = async (lines: Locator) =>
  Promise.all(
    (await lines.all()).map(async (line) => [
      await line.locator('.name').textContent(),
      await line.getAttribute('aria-level'),
    ]),
  );
const rows = () => panel('events-list').locator('.rows tbody tr');

describe('the API page', () => {
  test('has every route with its figures, sorted and filtered by the address', async () => {
    await open('/admin/api');
    const slow = panel('api-routes').getByRole('row', { name: /\/slow\/:id/ });
    await slow.waitFor();
    const [quick] = await store.sql<{ count: number }>(
      `SELECT count(*)::int FROM enterprise.request_metrics WHERE endpoint = '/quick'`,
    );
    await panel('api-routes')
      .getByRole('row', { name: /\/quick/ })
      .getByRole('cell', { name: String(quick?.count), exact: true })
      .waitFor();
    await panel('api-routes').getByRole('link', { name: 'P95 ms' }).click();
    await until(async () => (await routes())[0]?.trim() === '/ask', { what: 'the slowest first' });
    assert.equal(search().get('sort'), '-p95');
    await page.getByRole('searchbox', { name: 'Routes with' }).fill('slow');
    await until(async () => (await routes()).length === 1, { what: 'the filter' });
    await page.reload();
    await slow.waitFor();
    assert.equal((await routes()).length, 1);
    assert.deepEqual(faults, []);
  });

  test('shows one route by its address, and its events from there', async () => {
    await open('/admin/api');
    await panel('api-routes').getByRole('link', { name: '/slow/:id' }).click();
    await page.getByRole('heading', { name: '/slow/:id' }).waitFor();
    assert.equal(search().get('route'), '/slow/:id');
    await page.reload();
    const slowest = panel('route-slowest').locator('tbody tr').first();
    await slowest.getByText('920 ms', { exact: true }).waitFor();
    await panel('route-latency').locator('canvas').waitFor();
    await panel('route-slowest').getByRole('link', { name: 'All its events' }).click();
    await page.getByRole('link', { name: 'Remove the filter endpoint /slow/:id' }).waitFor();
    await until(async () => (await rows().count()) === 30, { what: 'its rows only' });
    await page.goBack();
    await page.getByRole('heading', { name: '/slow/:id' }).waitFor();
    assert.deepEqual(faults, []);
  });
});

test('a time without events is told once', async () => {
  await open('/admin/events?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z');
  await panel('events-list').getByText('No such event in this time').waitFor();
  await panel('events-list').locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
  assert.equal(await panel('events-list').locator('.note').count(), 1);
  assert.deepEqual(faults, []);
});

test('the WebSocket page has sessions, messages and bytes over time', async () => {
  await open('/admin/websocket');
  await panel('ws-newest')
    .getByRole('row', { name: /\/chat/ })
    .waitFor();
  await panel('ws-now').getByText('1,204,881', { exact: true }).waitFor();
  for (const id of ['ws-sessions', 'ws-messages', 'ws-bytes', 'ws-duration'])
    await panel(id).locator('canvas').waitFor();
  assert.deepEqual(faults, []);
});

describe('the Events page', () => {
  test('goes from page to page without a gap, and back', async () => {
    await open('/admin/events');
    await until(async () => (await rows().count()) === 50, { what: 'a page' });
    const newest = await rows().first().textContent();
    const seen = [await rows().allTextContents()];
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByRole('link', { name: 'Newest' }).waitFor();
    await until(async () => (await rows().first().textContent()) !== newest, { what: 'older rows' });
    seen.push(await rows().allTextContents());
    await page.getByRole('link', { name: 'Older' }).click();
    await until(async () => (await rows().count()) === 23, { what: 'the last page' });
    assert.equal(await page.getByRole('link', { name: 'Older' }).count(), 0);
    await page.goBack();
    await until(async () => (await rows().allTextContents()).join() === seen[1]?.join(), {
      what: 'the page before',
    });
    assert.deepEqual(faults, []);
  });

  test('is filtered by value, by failure and by duration, all in the address', async () => {
    await open('/admin/events');
    await page.getByRole('combobox', { name: 'Filter by' }).selectOption('user');
    await page.getByRole('combobox', { name: 'Value' }).fill('user1');
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await until(async () => (await rows().count()) === 40, { what: 'the user' });
    await page.getByRole('switch', { name: 'Failed only' }).click();
    await until(async () => (await rows().count()) === 4, { what: 'failures' });
    await page.getByRole('switch', { name: 'Failed only' }).click();
    await page.getByRole('textbox', { name: /at least/ }).fill('800');
    await page.keyboard.press('Tab');
    await until(async () => (await rows().count()) === 10, { what: 'the slow ones' });
    assert.deepEqual([search().get('f.user'), search().get('min')], ['user1', '800']);
    await page.reload();
    await until(async () => (await rows().count()) === 10, { what: 'the same after a reload' });
    assert.deepEqual(faults, []);
  });

  test('leads from an event to its trace, with the event chosen, and from there to the events of it', async () => {
    await open('/admin/events?signal=llm-call&f.model=gpt-4o');
    await rows().first().getByRole('link', { name: 'Trace' }).click();
    await until(async () => (await items().count()) === 6, { what: 'the trace' });
    assert.deepEqual(await namesOf(items()), [
      ['/chat', '1'],
      ['POST /ask', '2'],
      ['chat gpt-4o', '3'],
      ['gpt-4o', '4'],
      ['rag-query', '3'],
      ['vector search', '1'],
    ]);
    const detail = panel('events-trace').getByRole('region', { name: 'One item of the trace' });
    await detail.getByText('error: Timeout').waitFor();
    await page.reload();
    await detail.getByText('error: Timeout').waitFor();
    await items().nth(1).click();
    await detail.getByRole('link', { name: 'Show the event itself' }).click();
    await panel('events-detail').getByText('/ask').first().waitFor();
    assert.equal(search().get('signal'), 'request');
    await items().nth(5).click();
    await detail.getByText('is not stored').waitFor();
    await detail.getByText('db.system.name').waitFor();
    assert.deepEqual(faults, []);
  });

  test('says that a trace is not stored, and why one cannot be had', async () => {
    await open(`/admin/events?trace=${'f'.repeat(32)}`);
    await panel('events-trace').getByText('Nothing of this trace is stored').waitFor();
    await page.goto(`${origin}/admin/events?trace=${'x'.repeat(40)}`);
    await panel('events-trace').getByText('trace_id: expected 32 hex digits').waitFor();
    await page.route('**/api/metrics/traces/*', (route) => route.fulfill({ json: { trace_id: 'x' } }));
    await panel('events-trace').getByRole('button', { name: 'Try again' }).click();
    await panel('events-trace').getByText('The answer is not one of the traces API.').waitFor();
    assert.deepEqual(faults, []);
  });

  test('is saved as CSV with every row and column', async () => {
    await open('/admin/events?f.endpoint=%2Fquick');
    await until(async () => (await rows().count()) === 50, { what: 'a page' });
    await page.getByRole('button', { name: 'Export these events' }).click();
    const download = page.waitForEvent('download');
    await panel('events-list').getByRole('button', { name: 'Save as CSV' }).first().click();
    const chunks: Buffer[] = [];
    for await (const chunk of await (await download).createReadStream()) chunks.push(chunk as Buffer);
    const [head, ...lines] = Buffer.concat(chunks).toString().trim().split('\r\n');
    assert.match(head ?? '', /^id,timestamp,endpoint,method,status_code,/);
    assert.equal(lines.length, 90);
    await panel('events-list').getByText('90 rows saved').waitFor();
  });
});

describe('names from outside', () => {
  test('are text on every page, whatever is stored', async () => {
    await open('/admin/api', 390);
    await panel('api-routes').getByText(MARKUP).first().waitFor();
    await panel('api-routes').getByRole('link', { name: MARKUP }).click();
    await panel('route-failed').getByText(MARKUP).first().waitFor();
    await page.goto(`${origin}/admin/events?signal=llm-call`);
    await rows().filter({ hasText: MARKUP }).first().getByRole('link').click();
    await panel('events-detail').getByText(MARKUP).first().waitFor();
    assert.equal(await page.evaluate('window.pwned'), undefined);
    assert.equal(await page.locator('#app img, #app script').count(), 0);
    assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')) <= 0);
    assert.deepEqual(faults, []);
  });

  test('are cut where they are a megabyte long', async () => {
    const long = `${MARKUP}${'x'.repeat(1_000_000)}`;
    await open('/admin/system', 390);
    await page.route('**/api/metrics/events?*', (route) => {
      const query = parseEventsQuery(new URL(route.request().url()).searchParams, Date.now());
      const event = {
        id: 'one',
        timestamp: '2026-11-22T10:00:00.000000Z',
        endpoint: long,
        method: long,
        user_email: long,
        trace_id: long,
      };
      return route.fulfill({ json: { signal: query.signal, events: [event], next_cursor: null } });
    });
    await page.route('**/api/metrics/traces/*', (route) => {
      const item = {
        kind: 'span',
        id: 'one',
        parent_id: null,
        span_id: long,
        parent_span_id: long,
        service: long,
        name: long,
        scope: long,
        span_kind: long,
        start_ms: 0,
        duration_ms: 5,
        status: 'error',
        error_type: long,
        attributes: { [long]: long, [RTL]: RTL },
        events: [[long, 1, { [long]: long }]],
        row: null,
      };
      const services = [{ service: long, items: 1, errors: 1 }];
      const started = '2026-11-22T10:00:00.000Z';
      return route.fulfill({
        json: {
          trace_id: long,
          started_at: started,
          duration_ms: 5,
          services,
          items: [item],
          truncated: true,
        },
      });
    });
    await page.goto(`${origin}/admin/events?event=01935a1c-7a2b-7000-8000-000000000007&trace=x&item=one`);
    await panel('events-detail').getByText(MARKUP).first().waitFor();
    await panel('events-trace').getByRole('treeitem').waitFor();
    await panel('events-trace').getByText('gnp.exe').first().waitFor();
    assert.ok((await page.locator('#app').innerText()).length < 40_000);
    assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')) <= 0);
    assert.equal(await page.evaluate('window.pwned'), undefined);
    assert.deepEqual(faults, []);
  });
});

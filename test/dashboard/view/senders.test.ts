import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest';
import { figuresOf } from '../../../dashboards/web/src/chart/series.ts';
import { figureRows } from '../../../dashboards/web/src/explore/rows.ts';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { askedOf, senderChoices, senderNames } from '../../../dashboards/web/src/view/sender.ts';
import type { HistoryAnswer } from '../../../src/core/history/query.ts';
import type { InstanceSnapshot } from '../../../src/core/snapshot.ts';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../../support/poll.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';
import { FakeCollector } from '../support/fake-collector.ts';

const instanceOf = (service: string, instance_id: string, up = true): InstanceSnapshot => ({
  service,
  instance_id,
  host: `host-${instance_id}`,
  pid: 7,
  last_seen_seconds: 0,
  up,
});
const SENDERS = [instanceOf('shop', 'a'), instanceOf('search', 'b'), instanceOf('shop', 'c', false)];

describe('what there is to choose from', () => {
  test('are the services, and the processes of those that have several', () => {
    assert.deepEqual(
      senderChoices(SENDERS).map(({ label, service, instance }) => [label, service, instance]),
      [
        ['search', 'search', null],
        ['shop (2)', 'shop', null],
        ['host-a · 7', 'shop', 'a'],
        ['host-c · 7 (gone)', 'shop', 'c'],
      ],
    );
    assert.deepEqual(senderChoices([]), []);
  });

  test('narrows questions, but not those about a host, an event or a trace, and no filter of their own', () => {
    const shop = { service: 'shop', instance: 'a' };
    const filtersOf = (question: Parameters<typeof askedOf>[0]) => askedOf(question, shop).filters;
    assert.deepEqual(filtersOf({ signal: 'request' }), shop);
    assert.deepEqual(filtersOf({ signal: 'request', filters: { service: 'own' } }), {
      ...shop,
      service: 'own',
    });
    assert.deepEqual(filtersOf({ signal: 'system', filters: { metric: 'heap_used_bytes' } }), {
      ...shop,
      metric: 'heap_used_bytes',
    });
    assert.deepEqual(filtersOf({ signal: 'system', filters: { metric: 'cpu_percent' } }), {
      metric: 'cpu_percent',
    });
    for (const one of [{ id: 'x' }, { traceId: 'x' }])
      assert.equal(filtersOf({ signal: 'request', ...one }), undefined);
    const everybody = { service: null, instance: null };
    assert.deepEqual(askedOf({ signal: 'request' }, everybody), { signal: 'request' });
  });
});

describe('what a legend calls a process', () => {
  const nameOf = senderNames({ instances: SENDERS });
  const GONE = '7a1e0c52-9d0e-4c7e-8f0a-2f4f6a1b9c3d';

  test('is its service, host and pid, and its id where nobody knows more', () => {
    assert.equal(nameOf('instance', 'a'), 'shop · host-a · 7');
    const otlp = { ...instanceOf('otlp', 'a'), host: '', pid: 0 };
    assert.equal(senderNames({ instances: [otlp] })('instance', 'a'), 'otlp');
    assert.equal(nameOf('instance', GONE), 'gone process 7a1e0c52');
    for (const other of ['<other>', 'z']) assert.equal(nameOf('instance', other), null);
    assert.equal(nameOf('endpoint', 'a'), null);
    assert.equal(senderNames(null)('instance', GONE), 'gone process 7a1e0c52');
  });

  test('is in the legend and in the table below', () => {
    const answer: HistoryAnswer = {
      ...{
        signal: 'system',
        measure: 'avg',
        unit: 'as stored',
        from: '',
        to: '',
        step_seconds: 30,
        tz: 'UTC',
      },
      source: 'rows',
      series: [{ group: { instance: 'c' }, points: [[0, 1]] }],
    };
    const { series } = figuresOf(answer, { nameOf });
    assert.deepEqual(
      series.map(({ label }) => label),
      ['shop · host-c · 7'],
    );
    const [row] = figureRows(answer, null, { series, nameOf });
    assert.deepEqual([row?.label, row?.value, row?.color], ['shop · host-c · 7', 'c', series[0]?.color]);
  });
});

describe('the switch', () => {
  let dashboard: BuiltDashboard;
  let browser: Browser;
  let collector: FakeCollector;
  let origin: string;
  let page: Page;
  beforeAll(async () => {
    [dashboard, browser] = await Promise.all([builtDashboard(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await dashboard?.remove();
  });
  beforeEach(async () => {
    collector = new FakeCollector(dashboard.directory, { ...busy, service: 'all-of-it', instances: SENDERS });
    collector.services = {
      shop: { llm: { ...busy.llm, total_requests: 11 } },
      search: { llm: { ...busy.llm, total_requests: 22 } },
    };
    origin = `http://127.0.0.1:${await collector.start()}`;
  });
  afterEach(async () => {
    await page?.context().close();
    await collector.stop();
  });

  async function open(path: string): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(`${origin}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  }
  const choice = () => page.getByRole('combobox', { name: 'Whose figures' });
  const search = () => new URL(page.url()).searchParams;
  const title = (text: string) =>
    until(async () => (await page.title()) === text, { what: `the title ${text}` });

  test('shows one service, keeps it over pages and in the address, and goes back', async () => {
    await open('/admin/llm');
    await title('all-of-it · LLM Cost and Latency');
    await choice().selectOption({ label: 'search' });
    await title('search · LLM Cost and Latency');
    assert.equal(search().get('service'), 'search');
    await until(() => collector.asked.some((asked) => asked.get('service') === 'search'), {
      what: 'history of the service',
    });
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'RAG' }).click();
    await title('search · RAG Pipeline');
    assert.equal(search().get('service'), 'search');
    await page.reload();
    await title('search · RAG Pipeline');
    assert.equal(await choice().locator('option:checked').textContent(), 'search');
    await choice().selectOption({ label: 'All services' });
    await title('all-of-it · RAG Pipeline');
    assert.equal(page.url(), `${origin}/admin/rag`);
    await page.goBack();
    await title('search · RAG Pipeline');
    await until(() => collector.viewers === 1, { what: 'one stream' });
  });

  test('shows one process of a service', async () => {
    await open('/admin/system?instance=c');
    await until(
      async () => (await choice().locator('option:checked').textContent())?.includes('host-c') === true,
      {
        what: 'the process of the address',
      },
    );
    await choice().selectOption({ index: 3 });
    await until(() => search().get('instance') === 'a', { what: 'the process in the address' });
    assert.equal(search().get('service'), 'shop');
  });

  test('shows whom it was told to show, also where nobody sends by that name', async () => {
    await open('/admin/system?service=gone');
    await title('gone · System Observability');
    assert.equal(await choice().locator('option:checked').textContent(), 'gone (nobody sends)');
  });

  test('is not there for one process', async () => {
    collector.snapshot = { ...collector.snapshot, instances: SENDERS.slice(0, 1) };
    await open('/admin/system');
    await title('all-of-it · System Observability');
    assert.equal(await choice().count(), 0);
  });
});

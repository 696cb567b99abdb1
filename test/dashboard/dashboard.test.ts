import assert from 'node:assert/strict';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { critical } from '../../dashboards/web/src/fixtures/critical.ts';
import { empty } from '../../dashboards/web/src/fixtures/empty.ts';
import { launchBrowser } from '../support/browser.ts';
import { until } from '../support/poll.ts';
import { type BuiltDashboard, builtDashboard } from './support/built-dashboard.ts';
import { FakeCollector } from './support/fake-collector.ts';

const MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

// What runs inside the page is text: the tests' own types know no DOM.
const OVERFLOW = 'document.documentElement.scrollWidth - innerWidth';
const REPORT_POLICY_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI);
})`;
const WATCH_LAYOUT_SHIFTS = `
  window.shifts = { sum: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) shifts.sum += entry.value;
  }).observe({ type: 'layout-shift' });
  undefined`;

let dashboard: BuiltDashboard;
let browser: Browser;
let collector: FakeCollector;
let port: number;
let page: Page;
/** What went wrong inside the page: exceptions, console errors, violations of the content security policy. */
let faults: string[];

beforeAll(async () => {
  [dashboard, browser] = await Promise.all([builtDashboard(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await dashboard?.remove();
});

beforeEach(async () => {
  collector = new FakeCollector(dashboard.directory, busy);
  port = await collector.start();
});

afterEach(async () => {
  await page?.context().close();
  await collector.stop();
});

async function openPage(options: BrowserContextOptions = {}): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  await page.addInitScript(REPORT_POLICY_VIOLATIONS);
  await page.goto(`http://127.0.0.1:${port}/admin/system`);
}

const panel = (id: string) => page.locator(`[data-panel="${id}"]`);
const shows = (id: string, text: string) => panel(id).getByText(text, { exact: true }).first().waitFor();
/** A figure beside its name, once it reads so. */
const figure = (id: string, label: string, text: string) =>
  panel(id)
    .locator('div', { has: page.locator('dt', { hasText: label }) })
    .locator('dd', { hasText: new RegExp(`^\\s*${text}\\s*$`) })
    .first()
    .waitFor();
const connection = (state: string) => page.locator(`[data-connection="${state}"]`).waitFor();

describe('the page', () => {
  test('draws every panel from the stream, under the policy, without a fault', async () => {
    await openPage();
    await connection('live');
    await page.getByRole('heading', { level: 1, name: 'System Observability' }).waitFor();
    await shows('health', 'HEALTHY');
    await shows('health', '46.3%');
    await shows('websocket', '1,204,881');
    await shows('rag', '27,732');
    await shows('rag', '742ms');
    await shows('llm', '≳ $184.23');
    await shows('llm', '41.2M');
    await shows('llm', 'claude-sonnet-4-5');
    const unpriced = panel('llm').getByRole('row', { name: /company-finetune/ });
    assert.equal(await unpriced.getByText('unpriced', { exact: true }).count(), 1);
    await panel('llm').getByText('Models: company-finetune').waitFor();
    await shows('llm', '$14.81');
    await shows('api', '/api/documents/:id');
    await page.getByText('Uptime: 27h 25m').waitFor();
    assert.equal(await page.getByRole('meter').count(), 3);
    const charts = [
      'CPU and memory in percent',
      'Average RAG latency in milliseconds',
      'RAG cache hit rate in percent',
    ];
    for (const name of charts)
      assert.equal(await page.getByRole('img', { name }).locator('canvas').count(), 1);
    const meter = await page.getByRole('meter', { name: 'CPU' }).locator('.fill').boundingBox();
    const track = await page.getByRole('meter', { name: 'CPU' }).boundingBox();
    const [model] = busy.llm.by_model;
    collector.push({ llm: { ...busy.llm, by_model: [{ ...model!, unpriced_requests: 2 }] } });
    await panel('llm').getByRole('cell', { name: '≥ $61.44' }).waitFor();
    assert.ok(
      Math.abs((meter?.width ?? 0) / (track?.width ?? 1) - 0.463) < 0.01,
      'the policy lets widths be set',
    );
    assert.deepEqual(faults, []);
  });

  test('is updated by the next frame, without moving', async () => {
    await openPage();
    await connection('live');
    await shows('health', '46.3%');
    await page.evaluate(WATCH_LAYOUT_SHIFTS);
    const rag = { ...busy.rag, total_queries: 27_733, latency_avg_ms: 99.4 };
    collector.push({ system: { ...busy.system, cpu_percent: 51.2 }, rag });
    await shows('health', '51.2%');
    await shows('rag', '27,733');
    const summary = page.getByText(/CPU: now 51%, lowest \d+%, highest \d+%/);
    assert.equal(await summary.count(), 1);
    // A shorter number in a centred cell counts a little; a moved row or panel a hundred times as much.
    assert.ok((await page.evaluate<number>('shifts.sum')) < 0.001);
  });

  test('tells a change of the verdict politely, by text and by title', async () => {
    await openPage();
    await connection('live');
    const status = page.locator('[aria-live="polite"]');
    await status.getByText('System health: healthy').waitFor({ state: 'attached' });
    collector.push(critical);
    await status.getByText('System health: critical').waitFor({ state: 'attached' });
    await shows('health', 'CRITICAL');
    await shows('health', 'Memory above 90 %');
    assert.match(await page.title(), /^CRITICAL · rag-app/);
    const notices = page.getByRole('list', { name: 'Notices' });
    await notices.getByText('Storage unreachable').waitFor();
    await notices.getByText('in memory only').waitFor();
    await notices.locator('[data-severity="bad"]').getByText('Dropping events: 1,204').waitFor();
    collector.push({ pipeline: { ...critical.pipeline, durable: true, events_dropped_window: 0 } });
    await notices.locator('[data-severity="warning"]').getByText('4,130 events dropped').waitFor();
    assert.equal(await notices.getByText('in memory only').count(), 0);
  });

  test('says that nothing has happened yet instead of drawing zeros', async () => {
    collector.snapshot = empty;
    await openPage();
    await connection('live');
    await shows('rag-latency', 'No RAG query yet');
    await shows('cache', 'No cache look-up yet');
    await shows('api', 'No request yet');
    await shows('rag', '–ms');
    await figure('rag', 'Avg Chunks', '–');
    await figure('rag', 'Zero-Chunk:', '–');
    await figure('health', 'MB Process', '84');
    const noApp = { process_memory_mb: 0, process_threads: 0, heap_used_mb: 0, event_loop_p99_ms: 0 };
    collector.push({ instances: [], system: { ...empty.system, ...noApp } });
    for (const label of ['MB Process', 'Threads', 'MB Heap', 'Event Loop p99'])
      await figure('health', label, '–');
    collector.push({
      rag: { ...busy.rag, avg_chunks: 0, zero_chunk_rate: 0, chunks_told_total: 0, chunks_told_window: 0 },
    });
    await shows('rag', '318ms');
    await figure('rag', 'Avg Chunks', '–');
    await figure('rag', 'Zero-Chunk:', '–');
    assert.deepEqual(faults, []);
  });

  test('shows no total while what was counted before the start is being read, and no rate of them', async () => {
    collector.snapshot = {
      ...busy,
      cache: { ...busy.cache, rag_hit_rate: 0, rag_hits: 0, rag_misses: 7 },
      pipeline: { ...busy.pipeline, totals: 'loading' },
    };
    const questions = () => collector.asked.filter((search) => search.get('metric') === 'cpu_percent').length;
    await openPage();
    await connection('live');
    await shows('health', 'HEALTHY');
    await shows('rag', '318ms');
    await panel('llm').locator('.badge', { hasText: /^…$/ }).waitFor();
    await panel('api').getByRole('row', { name: '/api/ask … 912 2,311 …', exact: true }).waitFor();
    await shows('cache', 'What was counted before this start is being read');
    assert.ok(
      (await panel('rag').getByTitle('What was counted before this start is being read').count()) > 0,
    );
    const text = await page.locator('main').innerText();
    for (const total of ['27,732', '184.23', '1,204,881', '46,588', '18,422', '11,804', '41.2M'])
      assert.ok(!text.includes(total), total);
    assert.equal(questions(), 0, 'what was before is told from totals');
    const { cache, pipeline } = busy;
    collector.push({ cache, pipeline });
    await shows('rag', '27,732');
    await shows('llm', '≳ $184.23');
    await until(() => questions() > 0, { what: 'the question about the minutes before' });
    const rates = await panel('cache').locator('tbody tr td:last-child').allInnerTexts();
    assert.deepEqual(
      rates.filter((rate) => rate === '0%'),
      [],
    );
    assert.deepEqual(faults, []);
  });

  test('has no sideways scrolling on a phone, and fits one column up to 1024', async () => {
    collector.snapshot = critical;
    await openPage({ viewport: { width: 390, height: 844 } });
    await connection('live');
    for (const width of [390, 1024]) {
      await page.setViewportSize({ width, height: 844 });
      const overflow = await page.evaluate<number>(OVERFLOW);
      assert.ok(overflow <= 0, `${overflow} px too wide at ${width}`);
      const health = await panel('health').boundingBox();
      const websocket = await panel('websocket').boundingBox();
      assert.equal(health?.x, websocket?.x);
      assert.equal(health?.width, websocket?.width);
    }
  });

  test('keeps still for those who ask for it', async () => {
    await openPage({ reducedMotion: 'reduce' });
    await connection('live');
    const style = await page.evaluate(
      "getComputedStyle(document.querySelector('.connection .dot')).animationDuration",
    );
    assert.equal(style, '0s');
  });
});

describe('text from outside', () => {
  test('stays text, whatever it holds', async () => {
    const long = 'long'.repeat(50_000);
    collector.snapshot = {
      ...critical,
      service: MARKUP,
      boot_id: MARKUP,
      rag: {
        ...busy.rag,
        stages: { [MARKUP]: busy.rag.stages['rerank']!, [long]: busy.rag.stages['rerank']! },
      },
      llm: {
        ...busy.llm,
        by_model: [
          { ...busy.llm.by_model[0]!, model: MARKUP, provider: MARKUP },
          { ...busy.llm.by_model[0]!, model: long },
        ],
      },
      api: {
        ...busy.api,
        endpoints: {
          [MARKUP]: busy.api.endpoints['/']!,
          [long]: busy.api.endpoints['/']!,
          __proto__x: busy.api.endpoints['/']!,
          '\u202egnp.exe': busy.api.endpoints['/']!,
        },
      },
      instances: [{ ...critical.instances[2]!, host: MARKUP }],
      pipeline: { ...critical.pipeline, events_dropped: { [MARKUP]: 3 }, prices_version: MARKUP },
    };
    await openPage({ viewport: { width: 390, height: 844 } });
    await connection('live');
    await page.getByRole('button', { name: 'Show State Monitor' }).click();
    await page.getByRole('region', { name: 'The raw snapshot' }).waitFor();
    for (const id of ['rag', 'llm', 'api']) await panel(id).getByText(MARKUP).first().waitFor();
    assert.equal(await page.evaluate('window.pwned'), undefined);
    assert.equal(await page.locator('#app img, #app script').count(), 0);
    const overflow = await page.evaluate<number>(OVERFLOW);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    assert.deepEqual(faults, []);
  });

  test('a message that is no snapshot changes nothing', async () => {
    await openPage();
    await connection('live');
    await shows('health', '46.3%');
    collector.sendRaw('{"type":"metrics_snapshot","data":{"system":null}}');
    collector.sendRaw('nonsense');
    await page.getByRole('button', { name: 'Show State Monitor' }).click();
    await page.locator('dt:text-is("Malformed") + dd:text-is("2")').waitFor();
    await shows('health', '46.3%');
    assert.deepEqual(faults, []);
  });
});

describe('the connection', () => {
  test('survives a restart of the collector without a reload', async () => {
    await openPage();
    await connection('live');
    await page.evaluate('window.sameDocument = true');
    await collector.stop();
    await page.getByText('Disconnected', { exact: true }).waitFor();
    await page.locator('main.stale').waitFor();
    await page.getByText(/\d+ s old/).waitFor();
    await shows('health', '46.3%');
    collector.snapshot = { ...empty, boot_id: 'after-the-restart' };
    await collector.start(port);
    await connection('live');
    await shows('health', '3.1%');
    await page.locator('main:not(.stale)').waitFor();
    assert.equal(await page.evaluate('window.sameDocument'), true);
  });

  test('what was missed meanwhile is filled in from history, as soon as it answers', async () => {
    const asked = () => collector.asked.filter((search) => search.get('metric') === 'cpu_percent').length;
    collector.historyIsDown = true;
    collector.push();
    await openPage();
    await connection('live');
    await until(() => asked() > 0, { what: 'the first question' });
    const trend = page.locator('section.panel', { hasText: 'System Resources' });
    await trend.locator('summary').click();
    collector.historyIsDown = false;
    await until(
      async () => {
        collector.push();
        return (await trend.locator('tbody tr').count()) > 10;
      },
      { what: 'the minutes before the page was opened' },
    );
    const before = asked();
    await collector.stop();
    await page.getByText('Disconnected', { exact: true }).waitFor();
    collector.snapshot = { ...collector.snapshot, seq: collector.snapshot.seq + 20 };
    await collector.start(port);
    collector.push();
    await connection('live');
    await until(() => asked() > before, { what: 'the question about what was missed' });
  });

  test('polls while upgrades are refused, and goes live when they are not', async () => {
    collector.refuseUpgrades = true;
    await openPage();
    await connection('polling');
    await page.getByText(/^polling · /).waitFor();
    await shows('health', '46.3%');
    collector.push({ system: { ...busy.system, cpu_percent: 52.5 } });
    await shows('health', '52.5%');
    assert.equal(collector.viewers, 0);
    collector.refuseUpgrades = false;
    // The countdown may end, and the button with it, just before the click.
    await page
      .getByRole('button', { name: 'Retry now' })
      .click({ timeout: 3000 })
      .catch(() => {});
    await connection('live');
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test('asks for a login when the collector does', async () => {
    collector.unauthorized = true;
    await openPage();
    await page.getByRole('link', { name: 'Log in' }).waitFor();
    assert.equal(await panel('health').getByText('Login needed').count(), 1);
    collector.unauthorized = false;
    await connection('live');
    await shows('health', '46.3%');
  });
});

describe('the State Monitor', () => {
  test('shows connection and raw snapshot, closes by Escape and gives the focus back', async () => {
    await openPage();
    await connection('live');
    const toggle = page.getByRole('button', { name: 'Show State Monitor' });
    await toggle.focus();
    await page.keyboard.press('Enter');
    const monitor = page.getByRole('complementary', { name: 'State Monitor' });
    await monitor.waitFor();
    await monitor.locator('dt:text-is("Connection") + dd:text-is("live")').waitFor();
    await monitor.locator(`dt:text-is("Boot id") + dd:text-is("${busy.boot_id}")`).waitFor();
    const raw = monitor.getByRole('region', { name: 'The raw snapshot' });
    assert.deepEqual(
      JSON.parse((await raw.textContent()) ?? ''),
      JSON.parse(JSON.stringify(collector.snapshot)),
    );
    collector.push();
    await monitor.locator(`dt:text-is("Sequence") + dd:text-is("${busy.seq + 1}")`).waitFor();
    assert.equal(await raw.evaluate((element) => element.scrollHeight > element.clientHeight), true);
    await page.keyboard.press('Escape');
    await monitor.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.id'), 'monitor-toggle');
  });
});

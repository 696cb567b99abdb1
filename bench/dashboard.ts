// The dashboard in a real Chromium, against a server that sends what it is told to. No peer: Grafana cannot be run here.
import { gzipSync } from 'node:zlib';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { busy } from '../dashboards/web/src/fixtures/busy.ts';
import type { HistoryAnswer } from '../src/core/history/query.ts';
import type { Snapshot } from '../src/core/snapshot.ts';
import { DAY_MS, HOUR_MS } from '../src/core/units.ts';
import { builtDashboard } from '../test/dashboard/support/built-dashboard.ts';
import { FakeCollector } from '../test/dashboard/support/fake-collector.ts';
import { launchBrowser } from '../test/support/browser.ts';
import type { Figure } from './figure.ts';
import { least, median, round } from './measure.ts';
import { durationMs } from './synthetic.ts';

const SCRIPT_KB_MAX = 120;
const SCRIPTING_MS_MAX = 8;
const DRAW_MS_MAX = 100;
const HEAP_GROWTH_MAX = 1.1;
const LOADS = 9;
const SNAPSHOTS = 60;
const HEAP_SNAPSHOTS = 10_000;
const HEAP_BATCH = 50;
const ROUTES = 200;
const MODELS = 50;
const SERIES = 20;
const DAYS = 90;
const INTERVAL_MS = 5000;
/** Each snapshot has its own number in the page, by which it is known to be shown. */
const FIRST_COUNT = 100_000;
const STEP_MS = 6 * HOUR_MS;
const DRAWS = 15;

/** The first canvas in the page: a chart has been drawn. */
const WATCH_FIRST_CHART = `new MutationObserver((_, observer) => {
  if (document.querySelector('.uplot canvas') === null) return;
  requestAnimationFrame(() => { window.firstChartMs = performance.now(); });
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });`;
const TWO_FRAMES = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))';

export async function run(): Promise<Figure[]> {
  const dashboard = await builtDashboard();
  const collector = new FakeCollector(dashboard.directory, manyOfEach());
  const port = await collector.start();
  const browser = await launchBrowser();
  try {
    const bench = new Bench(browser, collector, `http://127.0.0.1:${port}`);
    return [
      ...(await bench.firstLoad()),
      await bench.scripting(),
      await bench.heap(),
      await bench.longHistory(),
    ];
  } finally {
    await browser.close();
    await collector.stop();
    await dashboard.remove();
  }
}

/** A busy app with as many routes and models as the budgets speak of. */
function manyOfEach(): Snapshot {
  const endpoint = (index: number) => ({
    requests: 1000 + index,
    latency_avg_ms: durationMs(index),
    latency_p95_ms: 2 * durationMs(index),
    errors: index % 7,
  });
  const [model] = busy.llm.by_model;
  if (model === undefined) throw new Error('The fixture has no model.');
  return {
    ...busy,
    api: {
      ...busy.api,
      endpoints: Object.fromEntries(
        Array.from({ length: ROUTES }, (_, i) => [`/api/resources/${i}/:id`, endpoint(i)]),
      ),
    },
    llm: {
      ...busy.llm,
      by_model: Array.from({ length: MODELS }, (_, i) => ({ ...model, model: `model-${i}`, requests: i })),
    },
  };
}

/** The same app a moment later: every figure is another. */
function moved(snapshot: Snapshot, by: number): Snapshot {
  const { api, llm, rag, system } = snapshot;
  const endpoints = Object.entries(api.endpoints).map(([route, one]) => [
    route,
    { ...one, requests: one.requests + by, latency_p95_ms: one.latency_p95_ms + (by % 10) },
  ]);
  return {
    ...snapshot,
    seq: snapshot.seq + by,
    timestamp: new Date(Date.parse(snapshot.timestamp) + by * INTERVAL_MS).toISOString(),
    websocket: { ...snapshot.websocket, connections_total: FIRST_COUNT + by },
    system: { ...system, cpu_percent: 20 + (by % 40) },
    rag: { ...rag, latency_avg_ms: rag.latency_avg_ms + (by % 50), total_queries: rag.total_queries + by },
    api: { ...api, endpoints: Object.fromEntries(endpoints), requests_total: api.requests_total + by },
    llm: {
      ...llm,
      by_model: llm.by_model.map((one) => ({
        ...one,
        requests: one.requests + by,
        cost_usd: one.cost_usd + by,
      })),
    },
  };
}

const shown = (by: number) => (FIRST_COUNT + by).toLocaleString('en-US');

const message = (snapshot: Snapshot) => JSON.stringify({ type: 'metrics_snapshot', data: snapshot });

class Bench {
  readonly #browser: Browser;
  readonly #collector: FakeCollector;
  readonly #url: string;

  constructor(browser: Browser, collector: FakeCollector, url: string) {
    this.#browser = browser;
    this.#collector = collector;
    this.#url = url;
  }

  async #open(path: string, prepare: (page: Page) => unknown = () => {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await prepare(page);
    await page.goto(`${this.#url}${path}`);
    await page.waitForSelector('.uplot canvas');
    return page;
  }

  async firstLoad(): Promise<Figure[]> {
    const [paints, charts]: [number[], number[]] = [[], []];
    let scripts: readonly Buffer[] = [];
    for (let load = 0; load < LOADS; load++) {
      const answers: Promise<Buffer>[] = [];
      const page = await this.#open('/admin/system', async (fresh) => {
        await fresh.addInitScript(WATCH_FIRST_CHART);
        fresh.on('response', (response) => {
          if (response.url().endsWith('.js')) answers.push(response.body());
        });
      });
      await page.evaluate(TWO_FRAMES);
      scripts = await Promise.all(answers);
      paints.push(
        await page.evaluate<number>(`performance.getEntriesByName('first-contentful-paint')[0].startTime`),
      );
      charts.push(await page.evaluate<number>('window.firstChartMs'));
      await page.context().close();
    }
    const kb = scripts.reduce((sum, script) => sum + gzipSync(script).length, 0) / 1000;
    return [
      {
        what: 'JavaScript loaded for the first page, gzip',
        budget: `<= ${SCRIPT_KB_MAX} kB`,
        within: kb <= SCRIPT_KB_MAX,
        ours: `${round(kb)} kB`,
        raw: `${scripts.length} files`,
      },
      {
        what: 'first contentful paint; first chart, on loopback',
        ours: `${round(median(paints))} ms; ${round(median(charts))} ms`,
        raw: `least ${round(least(paints))} ms; ${round(least(charts))} ms; ${LOADS} loads, nothing cached`,
      },
    ];
  }

  async scripting(): Promise<Figure> {
    const page = await this.#open('/admin/system');
    const devtools = await metricsOf(page);
    const frames = await framesOf(page);
    const base = manyOfEach();
    const [scripting, everything]: [number[], number[]] = [[], []];
    for (let at = 1; at <= SNAPSHOTS; at++) {
      const before = await devtools();
      const arrived = frames.next();
      this.#collector.sendRaw(message(moved(base, at)));
      await arrived;
      await page.evaluate(TWO_FRAMES);
      const after = await devtools();
      scripting.push(after.scriptMs - before.scriptMs);
      everything.push(after.taskMs - before.taskMs);
    }
    await page.getByText(shown(SNAPSHOTS)).waitFor();
    await page.context().close();
    return {
      what: `scripting per snapshot of ${ROUTES} routes and ${MODELS} models`,
      budget: `<= ${SCRIPTING_MS_MAX} ms`,
      within: median(scripting) <= SCRIPTING_MS_MAX,
      ours: `${round(median(scripting))} ms`,
      raw: `least ${round(least(scripting))} ms; with style, layout, paint and the measuring itself ${round(median(everything))} ms of the page's thread`,
    };
  }

  async heap(): Promise<Figure> {
    const page = await this.#open('/admin/system');
    const devtools = await page.context().newCDPSession(page);
    const base = manyOfEach();
    const sizes: number[] = [];
    for (let at = HEAP_BATCH; at <= HEAP_SNAPSHOTS; at += HEAP_BATCH) {
      for (let one = at - HEAP_BATCH + 1; one <= at; one++)
        this.#collector.sendRaw(message(moved(base, one)));
      await page.getByText(shown(at)).waitFor();
      if (at % (HEAP_SNAPSHOTS / 10) === 0) sizes.push(await heapMb(devtools));
    }
    await page.context().close();
    const [first = Number.NaN] = sizes;
    const growth = (sizes.at(-1) ?? Number.NaN) / first;
    return {
      what: `heap after ${round(HEAP_SNAPSHOTS)} snapshots against after ${round(HEAP_SNAPSHOTS / 10)}`,
      budget: 'flat',
      within: growth <= HEAP_GROWTH_MAX,
      ours: `${round(growth)} x`,
      raw: `MB after each ${round(HEAP_SNAPSHOTS / 10)}: ${sizes.map(round).join(', ')}`,
    };
  }

  async longHistory(): Promise<Figure> {
    const page = await this.#open(
      '/admin/history?signal=request&measure=p95&group=endpoint&range=90d',
      (fresh) =>
        fresh.route('**/api/metrics/history?*', (route) =>
          route.fulfill({ json: answerOf(route.request().url()) }),
        ),
    );
    const devtools = await metricsOf(page);
    const drawing: number[] = [];
    for (let draw = 1; draw <= DRAWS; draw++) {
      const before = await devtools();
      await goBack(page, draw);
      drawing.push((await devtools()).taskMs - before.taskMs);
    }
    const points = (DAYS * DAY_MS) / STEP_MS;
    await page.context().close();
    return {
      what: `${DAYS} days of ${SERIES} series drawn, ${round(points)} points each`,
      budget: `<= ${DRAW_MS_MAX} ms`,
      within: median(drawing) <= DRAW_MS_MAX,
      ours: `${round(median(drawing))} ms`,
      raw: `least ${round(least(drawing))} ms, everything the page's thread does from the question to the picture`,
    };
  }
}

interface Spent {
  readonly scriptMs: number;
  readonly taskMs: number;
}

/** What the page's thread has spent since it began, in milliseconds of its own time. */
async function metricsOf(page: Page): Promise<() => Promise<Spent>> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    const of = (name: string) => 1000 * (metrics.find((metric) => metric.name === name)?.value ?? Number.NaN);
    return { scriptMs: of('ScriptDuration'), taskMs: of('TaskDuration') };
  };
}

/** Tells when the next frame of the stream has reached the page. */
async function framesOf(page: Page): Promise<{ next(): Promise<void> }> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  return {
    next: () => new Promise((resolve) => devtools.once('Network.webSocketFrameReceived', () => resolve())),
  };
}

async function heapMb(devtools: CDPSession): Promise<number> {
  await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize / 1e6;
}

/** Ninety other days in the same page, as a click leads to them, until they are drawn. */
async function goBack(page: Page, steps: number): Promise<void> {
  const toMs = Math.floor(Date.now() / DAY_MS - steps) * DAY_MS;
  const [from, to] = [toMs - DAYS * DAY_MS, toMs].map((at) => new Date(at).toISOString());
  const answered = page.waitForResponse((response) => response.url().includes('/api/metrics/history'));
  await page.evaluate(`{
    const url = new URL(location.href);
    url.searchParams.delete('range');
    url.searchParams.set('from', '${from}');
    url.searchParams.set('to', '${to}');
    history.pushState({}, '', url);
    dispatchEvent(new PopStateEvent('popstate'));
  }`);
  await answered;
  await page.evaluate(TWO_FRAMES);
}

/** Ninety days of every series, whatever the question. */
function answerOf(url: string): HistoryAnswer {
  const toMs =
    Date.parse(new URL(url).searchParams.get('to') ?? '') || Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const count = (DAYS * DAY_MS) / STEP_MS;
  const pointsOf = (series: number) =>
    Array.from({ length: count }, (_, i): [number, number] => [
      toMs - (count - i) * STEP_MS,
      durationMs(series * count + i),
    ]);
  return {
    signal: 'request',
    measure: 'p95',
    unit: 'ms',
    from: new Date(toMs - DAYS * DAY_MS).toISOString(),
    to: new Date(toMs).toISOString(),
    step_seconds: STEP_MS / 1000,
    tz: 'UTC',
    source: 'rollup_hour',
    series: Array.from({ length: SERIES }, (_, i) => ({
      group: { endpoint: `/api/resources/${i}/:id` },
      points: pointsOf(i),
    })),
  };
}

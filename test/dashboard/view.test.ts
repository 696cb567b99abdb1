import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { chartCsv, fileName } from '../../dashboards/web/src/chart/export.ts';
import { plotData } from '../../dashboards/web/src/chart/plot-data.ts';
import { type ChartSeries, figuresOf, joined } from '../../dashboards/web/src/chart/series.ts';
import { rowsOf } from '../../dashboards/web/src/chart/table.ts';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { fixtureHistory } from '../../dashboards/web/src/fixtures/history.ts';
import { HistoryClient, HistoryFailure } from '../../dashboards/web/src/history/client.ts';
import { askPast, liveHistory } from '../../dashboards/web/src/history/live-past.ts';
import { historySearch } from '../../dashboards/web/src/history/question.ts';
import { between, shifted, stretchOf, widened } from '../../dashboards/web/src/view/range.ts';
import { keptSearch, readView, writeView } from '../../dashboards/web/src/view/view.ts';
import { zoneOf } from '../../dashboards/web/src/view/zone.ts';
import { EMPTY_HISTORY } from '../../src/client/history.ts';
import { parseHistoryQuery } from '../../src/core/history/parameters.ts';
import type { HistoryAnswer } from '../../src/core/history/query.ts';

const read = (search: string) => readView(new URLSearchParams(search), '1h');
const NOW_MS = Date.UTC(2026, 10, 22, 10);

describe('the address', () => {
  const whole =
    'from=2026-11-01T10%3A00%3A00.000Z&to=2026-11-01T12%3A00%3A00.000Z&tz=Asia%2FTokyo&group=model&f.model=a%26b&compare=1&kiosk=1&route=%2Fask';

  test('says all there is, and the same again', () => {
    const view = read(whole);
    assert.deepEqual(view.range, {
      kind: 'between',
      fromMs: Date.UTC(2026, 10, 1, 10),
      toMs: Date.UTC(2026, 10, 1, 12),
    });
    assert.deepEqual(view.filters, { model: 'a&b' });
    assert.deepEqual(view.own, { route: '/ask' });
    assert.equal(writeView(view, '1h'), whole);
  });

  test('leaves out what is as by default', () => {
    assert.equal(writeView(read(''), '1h'), '');
    assert.equal(writeView(read('range=1h'), '1h'), '');
    assert.equal(writeView(read('range=live&kiosk'), '1h'), 'range=live&kiosk=1');
  });

  test('is never the reason a page fails', () => {
    const nonsense = `range=ever&from=2&to=1&tz=Mars%2FBase&group=${'x'.repeat(99)}&f.=1&f.model=${'x'.repeat(999)}&compare=no`;
    assert.deepEqual(read(nonsense), read(''));
  });

  test('takes the range, the zone and the kiosk along to other pages, and no filter', () => {
    assert.equal(
      keptSearch(new URLSearchParams('range=6h&group=model&f.model=x&kiosk&tz=UTC')),
      'range=6h&tz=UTC&kiosk=',
    );
  });
});

describe('ranges', () => {
  const stretch = { fromMs: NOW_MS - 3_600_000, toMs: NOW_MS };

  test('move with the clock or stay', () => {
    assert.deepEqual(stretchOf({ kind: 'last', id: '1h' }, NOW_MS), stretch);
    assert.deepEqual(stretchOf({ kind: 'between', ...stretch }, 0), stretch);
  });

  test('are shifted by half, widened to twice, never shorter than ten seconds or longer than 400 days', () => {
    assert.deepEqual(shifted(stretch, -1), {
      kind: 'between',
      fromMs: NOW_MS - 5_400_000,
      toMs: NOW_MS - 1_800_000,
    });
    assert.deepEqual(widened(stretch), {
      kind: 'between',
      fromMs: NOW_MS - 5_400_000,
      toMs: NOW_MS + 1_800_000,
    });
    assert.deepEqual(between(NOW_MS, NOW_MS + 2000), {
      kind: 'between',
      fromMs: NOW_MS - 4000,
      toMs: NOW_MS + 6000,
    });
    assert.equal(between(NOW_MS - 401 * 86_400_000, NOW_MS), null);
    assert.equal(between(Number.NaN, NOW_MS), null);
  });

  test('are written in the zone of the address', () => {
    assert.equal(zoneOf('Asia/Tokyo').full(NOW_MS), '22 Nov 2026, 19:00:00');
    assert.equal(zoneOf('UTC').tick(Date.UTC(2026, 10, 22), 3_600_000), '22 Nov');
    assert.equal(zoneOf('UTC').tick(NOW_MS, 5000), '10:00:00');
  });
});

describe('questions to history', () => {
  const moment = { range: { kind: 'last', id: '90d' }, timeZone: 'UTC' } as const;

  test('are ones that the collector understands, the period before too', () => {
    for (const before of [false, true]) {
      const request = { signal: 'llm-call', measure: 'cost', filters: { model: 'x' }, before } as const;
      const search = historySearch(request, moment);
      const { boundariesMs } = parseHistoryQuery(new URLSearchParams(search), NOW_MS).buckets;
      const days = before ? 180 : 90;
      assert.ok(Math.abs((boundariesMs[0] ?? 0) - (NOW_MS - days * 86_400_000)) <= 86_400_000);
    }
  });

  test('fail in the server’s own words, and are kept up to a bound', async () => {
    const answers = new HistoryClient(async () => Response.json({ step_seconds: 1, series: [] }));
    const { signal } = new AbortController();
    for (let index = 0; index < 100; index++) await answers.ask(`n=${index}`, signal);
    assert.equal(answers.kept('n=0'), null);
    assert.notEqual(answers.kept('n=99'), null);
    assert.equal(answers.evicted, 20);
    const refused = new HistoryClient(async () => Response.json({ detail: 'Too long.' }, { status: 503 }));
    await assert.rejects(refused.ask('', signal), new HistoryFailure('Too long.'));
    const page = new HistoryClient(async () => new Response('<html>'));
    await assert.rejects(page.ask('', signal), /not JSON/);
    const login = new HistoryClient(async () => Response.json({}, { status: 401 }));
    await assert.rejects(login.ask('', signal), { loginNeeded: true });
  });
});

describe('figures', () => {
  const answer = (points: HistoryAnswer['series'][number]['points'], measure = 'avg'): HistoryAnswer => ({
    signal: 'request',
    measure,
    unit: 'ms',
    from: '',
    to: '',
    step_seconds: 10,
    tz: 'UTC',
    source: 'rows',
    series: [{ group: {}, points }],
  });
  const valuesOf = ({ series }: { readonly series: readonly ChartSeries[] }) =>
    series.map(({ values }) => values);

  test('keep their gaps', () => {
    assert.deepEqual(
      valuesOf(
        figuresOf(
          answer([
            [0, 1],
            [10_000, null],
          ]),
        ),
      ),
      [[1, null]],
    );
  });

  test('leave out a sum that is not complete', () => {
    const points = [
      [0, 5],
      [10_000, 2],
    ] as const;
    assert.deepEqual(valuesOf(figuresOf(answer(points, 'count'), { nowMs: 15_000 })), [[5, null]]);
    assert.deepEqual(valuesOf(figuresOf(answer(points, 'count'), { nowMs: 20_000 })), [[5, 2]]);
    assert.deepEqual(valuesOf(figuresOf(answer(points, 'p95'), { nowMs: 15_000 })), [[5, 2]]);
  });

  test('of other times are joined without making gaps, and names are told apart', () => {
    const a = figuresOf(
      answer([
        [0, 1],
        [20_000, 3],
      ]),
    );
    const b = figuresOf(
      answer([
        [0, 7],
        [10_000, 8],
        [20_000, 9],
      ]),
    );
    const both = joined([a, b]);
    assert.deepEqual(both.times, [0, 10, 20]);
    assert.deepEqual(valuesOf(both), [
      [1, undefined, 3],
      [7, 8, 9],
    ]);
    assert.deepEqual(
      both.series.map(({ label }) => label),
      ['avg', 'avg (2)'],
    );
  });

  test('are stacked over those that are shown', () => {
    const figures = joined([
      figuresOf(answer([[0, 1]]), { label: 'a' }),
      figuresOf(answer([[0, 2]]), { label: 'b' }),
    ]);
    assert.deepEqual(plotData(figures, 'stacked', new Set()), [[0], [1], [3]]);
    assert.deepEqual(plotData(figures, 'stacked', new Set(['a'])), [[0], [1], [2]]);
  });

  test('are saved without formulas', () => {
    const figures = figuresOf(
      answer([
        [0, 1.5],
        [1000, null],
      ]),
      { label: '=1+1' },
    );
    assert.equal(
      chartCsv(rowsOf(figures, null)),
      "time,'=1+1\r\n1970-01-01T00:00:00.000Z,1.5\r\n1970-01-01T00:00:01.000Z,\r\n",
    );
    assert.equal(fileName('p95 of <script>!', 'csv'), 'p95-of-script.csv');
  });
});

describe('the first paint', () => {
  const at = (secondsAgo: number) => new Date(NOW_MS - secondsAgo * 1000).toISOString();
  const live = (...secondsAgo: number[]) => ({
    ...EMPTY_HISTORY,
    timestamps: secondsAgo.map(at),
    cpu: secondsAgo.map(() => 50),
  });
  const past = () =>
    askPast(
      async (search) => ({ answer: fixtureHistory(busy, new URLSearchParams(search), NOW_MS), atMs: NOW_MS }),
      { snapshot: { ...busy, timestamp: at(0) }, intervalMs: 5000 },
    );

  test('has the five minutes before it from history', async () => {
    const { cpu, stepsMs, timestamps, cacheHitRate } = liveHistory(await past(), live(0), 5000);
    assert.ok(timestamps.length >= 18, `${timestamps.length} points`);
    assert.deepEqual([cpu.at(-1), stepsMs.at(-1), stepsMs[0]], [50, 5000, 15_000]);
    assert.ok(cacheHitRate.slice(0, -1).every((rate) => rate !== null && rate > 0 && rate <= 100));
    assert.deepEqual(timestamps, timestamps.toSorted());
  });

  test('knows no hit rate of a time before the first row, whatever was counted since', async () => {
    const begunMs = NOW_MS - 60_000;
    const young = await askPast(
      async (search) => {
        const answer = fixtureHistory(busy, new URLSearchParams(search), NOW_MS);
        const since = (points: HistoryAnswer['series'][number]['points']) =>
          points.map(([at, value]): [number, number | null] => [at, at < begunMs ? null : value]);
        const series = answer.series.map((one) => ({ ...one, points: since(one.points) }));
        return { answer: { ...answer, series }, atMs: NOW_MS };
      },
      { snapshot: { ...busy, timestamp: at(0) }, intervalMs: 5000 },
    );
    for (const { timeMs, cacheHitRate } of young) assert.equal(cacheHitRate !== null, timeMs >= begunMs);
  });

  test('what a reconnect missed is filled in, what was seen is left alone', async () => {
    const seen = [200, 195, 190, 10, 5, 0];
    const { timestamps } = liveHistory(await past(), live(...seen), 5000);
    const filled = timestamps.filter((timestamp) => timestamp > at(185) && timestamp < at(12));
    assert.ok(filled.length >= 10, `${filled.length} points`);
    for (const secondsAgo of seen) assert.ok(timestamps.includes(at(secondsAgo)));
  });
});

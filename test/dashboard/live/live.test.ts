import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { type ChartSeries, summaryOf } from '../../../dashboards/web/src/chart/series.ts';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { critical } from '../../../dashboards/web/src/fixtures/critical.ts';
import { empty } from '../../../dashboards/web/src/fixtures/empty.ts';
import { connectionDetail } from '../../../dashboards/web/src/live/connection-text.ts';
import { liveFigures, liveFromMs, spanText } from '../../../dashboards/web/src/live/figures.ts';
import { noticesOf } from '../../../dashboards/web/src/live/notices.ts';
import { initialState } from '../../../src/client/metrics-state.ts';

describe('chart data', () => {
  const at = (...seconds: number[]) => seconds.map((second) => new Date(second * 1000).toISOString());
  const line = (...values: (number | null)[]): ChartSeries => ({
    label: 'CPU',
    color: 'red',
    values,
    format: String,
  });
  const plotData = (...[timestamps, series, intervalMs]: Parameters<typeof liveFigures>) => {
    const figures = liveFigures(timestamps, series, intervalMs);
    return [figures.times, ...figures.series.map(({ values }) => values)];
  };

  test('a gap in the snapshots is a gap in the line', () => {
    const data = plotData(at(0, 5, 60, 65), [line(1, 2, 3, 4)], 5000);
    assert.deepEqual(data, [
      [0, 5, 10, 60, 65],
      [1, 2, null, 3, 4],
    ]);
  });

  test('time never runs backwards', () => {
    assert.deepEqual(plotData(at(5, 10, 7, 15), [line(1, 2, 9, 3)], 5000), [
      [5, 10, 15],
      [1, 2, 3],
    ]);
  });

  test('is summed up in a sentence', () => {
    assert.equal(
      summaryOf({ times: [0, 5, 10, 15], series: [line(4, null, 9, 7)] }),
      'CPU: now 7, lowest 4, highest 9.',
    );
    assert.equal(summaryOf({ times: [0], series: [line(null)] }), 'CPU: no data yet.');
  });

  test('says how long it reaches back', () => {
    assert.equal(spanText(5000), 'last 5 min');
    assert.equal(spanText(1000), 'last 60 s');
    assert.equal(spanText(5000, 92_000), 'last 92 s');
    assert.equal(spanText(5000, 295_000), 'last 5 min');
  });

  test('has an axis as long as there are figures: a minute at least, five at most', () => {
    const from = (...values: (number | null)[]) =>
      liveFromMs(liveFigures(at(0, 60, 100), [line(...values)], 60_000), 100_000, 300_000);
    assert.equal(from(1, 2, 3), 0);
    assert.equal(from(null, 2, 3), 40_000);
    assert.equal(from(null, null, null), 40_000);
    assert.equal(liveFromMs({ times: [0], series: [line(1)] }, 400_000, 300_000), 100_000);
  });
});

describe('notices', () => {
  test('nothing to say about a healthy app', () => {
    assert.deepEqual(noticesOf(busy), []);
    assert.deepEqual(noticesOf(empty), []);
    const [folded] = noticesOf({
      ...busy,
      pipeline: { ...busy.pipeline, labels_folded: 2311, labels_folded_by: { model: 107, route: 2204 } },
    });
    assert.equal(folded?.severity, 'info');
    assert.equal(
      folded?.text,
      '2,311 times a name was counted as “other”, since others are busier (route 2,204, model 107)',
    );
  });

  test('storage, lost events and missing instances', () => {
    const notices = noticesOf(critical);
    assert.deepEqual(
      notices.map(({ id }) => id),
      ['storage', 'durability', 'dropped', 'instances'],
    );
    assert.match(notices[0]?.text ?? '', /12,204 events wait \(84\.1 MB on disk\)/);
    assert.match(notices[1]?.text ?? '', /^Spool unwritable: new events wait in memory only/);
    assert.match(
      notices[2]?.text ?? '',
      /^Dropping events: 1,204 in the last 5 min; 4,130 events dropped.*queue_full 4,118, invalid 12$/,
    );
    assert.match(notices[3]?.text ?? '', /1 of 3 instances.*web-3 \(4213\), 4 min ago/);
  });

  test('dropping is told from having dropped, memory alone from an unreachable database', () => {
    const told = (pipeline: Partial<typeof busy.pipeline>) =>
      noticesOf({ ...busy, pipeline: { ...busy.pipeline, ...pipeline } }).map(({ severity, text }) => [
        severity,
        text,
      ]);
    assert.deepEqual(told({ events_dropped: { spool_full: 1 } }), [
      ['warning', '1 event dropped since the collector started: spool_full 1'],
    ]);
    assert.deepEqual(told({ events_dropped: { spool_full: 7 }, events_dropped_window: 3 }), [
      [
        'bad',
        'Dropping events: 3 in the last 5 min; 7 events dropped since the collector started: spool_full 7',
      ],
    ]);
    const [only, ...others] = told({ durable: false, events_queued: 0 });
    assert.equal(only?.[0], 'warning');
    assert.deepEqual(others, []);
  });

  test('many reasons and instances are cut short', () => {
    const events_dropped = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`r${index}`, 1]));
    const instances = Array.from({ length: 50 }, () => ({ ...critical.instances[2]!, up: false }));
    const snapshot = { ...critical, instances, pipeline: { ...critical.pipeline, events_dropped } };
    for (const { text } of noticesOf(snapshot)) assert.ok(text.length < 200, text);
  });
});

describe('what is said about the connection', () => {
  const lastUpdated = new Date(100_000);
  const state = { ...initialState(5000), lastUpdated };

  test('nothing while it is live', () => {
    assert.equal(connectionDetail({ ...state, connection: 'live', connected: true }, 101_000), '');
  });

  test('age, polling and countdown while it is not', () => {
    const polling = { ...state, connection: 'polling', nextAttemptAt: 120_000 } as const;
    assert.equal(connectionDetail(polling, 112_000), 'polling · 12 s old · next attempt in 8 s');
    assert.equal(connectionDetail({ ...state, connection: 'connecting' }, 112_000), '12 s old · connecting…');
    assert.equal(
      connectionDetail({ ...state, connection: 'waiting', lastUpdated: null, nextAttemptAt: 1 }, 112_000),
      'next attempt in 0 s',
    );
  });
});

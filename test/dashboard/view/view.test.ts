import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  between,
  shifted,
  stretchOf,
  widened,
  youngStretch,
} from '../../../dashboards/web/src/view/range.ts';
import { keptSearch, readView, writeView } from '../../../dashboards/web/src/view/view.ts';
import { zoneOf } from '../../../dashboards/web/src/view/zone.ts';

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

  test('are what there is, while that is less: a minute at least', () => {
    const hour = { kind: 'last', id: '1h' } as const;
    const young = (ageMs: number) => youngStretch(hour, NOW_MS - ageMs, NOW_MS);
    assert.deepEqual(young(600_000), { fromMs: NOW_MS - 600_000, toMs: NOW_MS });
    for (const ageMs of [60_000, 1000, 0, -5000])
      assert.deepEqual(young(ageMs), { fromMs: NOW_MS - 60_000, toMs: NOW_MS });
    assert.equal(young(3_600_000), null);
    assert.equal(youngStretch(hour, null, NOW_MS), null);
    assert.equal(youngStretch({ kind: 'between', ...stretch }, NOW_MS - 1000, NOW_MS), null);
  });

  test('are written in the zone of the address', () => {
    assert.equal(zoneOf('Asia/Tokyo').full(NOW_MS), '22 Nov 2026, 19:00:00');
    assert.equal(zoneOf('UTC').tick(Date.UTC(2026, 10, 22), 3_600_000), '22 Nov');
    assert.equal(zoneOf('UTC').tick(NOW_MS, 5000), '10:00:00');
  });
});

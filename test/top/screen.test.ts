import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { critical } from '../../dashboards/web/src/fixtures/critical.ts';
import { empty } from '../../dashboards/web/src/fixtures/empty.ts';
import { initialState, type MetricsState, withSnapshot } from '../../src/client/metrics-state.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { readAlerts } from '../../src/top/alerts.ts';
import { meter, sparkline } from '../../src/top/drawing/bars.ts';
import { createPainter } from '../../src/top/drawing/palette.ts';
import { lineWidth } from '../../src/top/drawing/text.ts';
import { FIRST_VIEW, PAGES } from '../../src/top/keyboard.ts';
import type { Picture } from '../../src/top/picture.ts';
import { renderScreen, type Size } from '../../src/top/screen.ts';
import { NO_TRENDS, withTrend } from '../../src/top/trends.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10, 0, 12);
const TARGET = 'http://127.0.0.1:9464';
const SMALL: Size = { columns: 80, rows: 24 };
const EVERYTHING: Size = { columns: 100, rows: null };
const plain = createPainter(1);

const LIVE: MetricsState = { ...initialState(5000), connection: 'live', connected: true };

function pictureOf(snapshot: Snapshot | null, changes: Partial<Picture> = {}): Picture {
  const metrics = snapshot === null ? initialState(5000) : withSnapshot(LIVE, snapshot, NOW_MS - 12_000);
  return {
    metrics,
    alerts: { rules: 2, active: [], problem: null },
    trends: snapshot === null ? NO_TRENDS : withTrend(NO_TRENDS, snapshot),
    view: FIRST_VIEW,
    target: TARGET,
    nowMs: NOW_MS,
    ...changes,
  };
}

function linesOf(picture: Picture, size: Size = SMALL): string[] {
  return renderScreen(picture, size).lines.map((line) => plain(line).trimEnd());
}

const textOf = (picture: Picture, size?: Size) => linesOf(picture, size).join('\n');
const onPage = (page: number) => ({ view: { ...FIRST_VIEW, page } });

function firing(name: string, group = '') {
  const instances = [{ group, state: 'firing', since_ms: NOW_MS - 720_000, value: 9.2, level: 1, peak: 1 }];
  const rules = [{ name, severity: 'critical', unit: 'USD', instances }];
  const alerts = readAlerts({ rules });
  assert.ok(alerts);
  return alerts;
}

describe('a frame', () => {
  for (const [name, snapshot] of Object.entries({ busy, critical, empty, none: null })) {
    it(`fills every size of terminal exactly: ${name}`, () => {
      for (const columns of [1, 20, 40, 79, 80, 131, 132, 200]) {
        for (const rows of [1, 3, 10, 24, 50]) {
          for (const page of PAGES.keys()) {
            const { lines } = renderScreen(pictureOf(snapshot, onPage(page)), { columns, rows });
            assert.deepEqual([...new Set(lines.map(lineWidth))], [columns], `${columns}x${rows}`);
            assert.equal(lines.length, rows);
          }
        }
      }
    });
  }

  it('shows on 80x24 the verdict, the system and every section of a busy app', () => {
    const text = textOf(pictureOf(busy));
    for (const part of [
      /^nervecenter rag-app up 27h 25m +\d\d:\d\d:\d\d UTC {2}live, every 5 s$/m,
      /^● HEALTHY$/m,
      /^CPU +█{9}░{11} +46\.3% .* 8 CPUs, load 3\.62$/m,
      /^Memory +█{13}░{7} +63\.8%/m,
      /^App +412\.6 MB resident · heap 188\.1 MB · 23 threads · loop 38\.2% p99 12 ms$/m,
      /^API {2}4\.8 req\/s · 46,588 requests · 907 errors \(1\.9%\) +2 of 10 routes$/m,
      /^\/api\/ask +18,422 +141 +0\.8% +912 ms +2,311 ms$/m,
      /^RAG {2}27,732 queries · 5\.4 chunks · 2\.3% found nothing/m,
      /^embedding +904 +150 ms +138 ms +288 ms +411 ms$/m,
      /^LLM {2}\$184\.23, \$6\.81\/h · 19,204 calls · 118 errors · 42 unpriced/m,
      /^anthropic\/claude-sonnet-4-5 +4,112 +49 +13\.2M +2\.2M +5,105 ms +\$118\.90$/m,
      /^Caches {2}rag 67\.4% hits · embedding 81\.2% hits$/m,
      /^WebSocket {2}128 open · 4,812 sessions/m,
      /^Alerts {2}none firing \(2 rules\)$/m,
    ]) {
      assert.match(text, part);
    }
  });

  it('stands in two columns where there is room', () => {
    const lines = linesOf(pictureOf(busy), { columns: 160, rows: 40 });
    assert.ok(lines.some((line) => /^System .*RAG {2}27,732 queries/.test(line)));
    assert.ok(
      lines.some((line) => /^\/healthz/.test(line)),
      'every route',
    );
  });

  it('says what is wrong, with its reasons, the worst alert first', () => {
    const text = textOf(pictureOf(critical, { alerts: firing('LLM budget', 'sales') }));
    assert.match(text, /^■ CRITICAL · Memory above 90 % · 1 alert firing$/m);
    assert.match(text, /^! Storage unreachable: 12,204 events wait \(84\.1 MB on disk\)$/m);
    assert.match(text, /^! Dropping events: 1,204 in the last 5 min$/m);
    assert.match(text, /^! 1 of 3 instances not heard of$/m);
    assert.match(text, /^■ firing {3}critical {2}LLM budget: sales {2}\$9\.20 {2}since 12 min$/m);
  });

  it('says what an app has not done yet', () => {
    const text = textOf(pictureOf(empty));
    for (const part of [
      'no request seen yet',
      'no query seen yet',
      'no call seen yet',
      'no look-up seen yet',
    ]) {
      assert.ok(text.includes(part), part);
    }
  });

  it('shows no figure that nobody told: of chunks, and of processes that are not there', () => {
    const told = { avg_chunks: 0, zero_chunk_rate: 0, chunks_told_total: 0, chunks_told_window: 0 };
    const text = textOf(pictureOf({ ...busy, rag: { ...busy.rag, ...told } }), EVERYTHING);
    assert.match(text, /^RAG {2}27,732 queries · – chunks · – found nothing/m);
    const none = { process_memory_mb: 0, process_threads: 0, heap_used_mb: 0, event_loop_p99_ms: 0 };
    const alone = textOf(pictureOf({ ...empty, system: { ...empty.system, ...none } }), EVERYTHING);
    assert.match(alone, /^App +– resident · heap – · – threads$/m);
  });

  it('shows no total while what was counted before the start is being read, and says why', () => {
    const restarted: Snapshot = { ...busy, pipeline: { ...busy.pipeline, totals: 'loading' } };
    const page = (index: number) => textOf(pictureOf(restarted, onPage(index)), EVERYTHING);
    assert.match(page(0), /^! What was counted before this start is being read$/m);
    assert.match(
      page(1),
      /^API {2}4\.8 req\/s · … requests · … errors\b.*\n.*\n\/api\/ask +… +… +912 ms +2,311 ms$/m,
    );
    assert.match(page(2), /^RAG {2}… queries · 5\.4 chunks · … found nothing · … errors/m);
    assert.match(page(2), /^embedding +904 +150 ms/m);
    assert.match(page(2), /^rag +… +… +4,096 +39\.3 MB +…$/m);
    assert.match(page(3), /^LLM {2}…, \$6\.81\/h · … calls · … errors · … unpriced/m);
    assert.match(page(3), /^tokens in … · of them cached … · out … · of them reasoning …$/m);
    assert.match(page(3), /^anthropic\/claude-sonnet-4-5 +… +… +… +… +5,105 ms +…$/m);
    assert.match(
      page(4),
      /^WebSocket {2}128 open · … sessions · messages in … · out … · avg 7 min · … in, … out/m,
    );
    assert.match(page(4), /214,882 accepted/);
    const none: Snapshot = { ...empty, pipeline: { ...empty.pipeline, totals: 'loading' } };
    assert.doesNotMatch(textOf(pictureOf(none), EVERYTHING), /seen yet/);
  });

  it('has a page with everything of each kind', () => {
    const page = (index: number) => textOf(pictureOf(busy, onPage(index)), EVERYTHING);
    assert.match(page(1), /\/healthz +60 +0 +0\.0% +0\.4 ms +0\.9 ms/);
    assert.match(
      page(2),
      /^vector_search .*\n(.*\n)*Caches .*\n.*\nrag +18,692 +9,040 +4,096 +39\.3 MB +67\.4% +█+░+$/m,
    );
    assert.match(page(3), /tokens in 41\.2M · of them cached 12\.9M · out 6\.4M · of them reasoning 804\.1K/);
    assert.match(page(3), /other\/company-finetune-2026-10-with-a-long-name .* unknown$/m);
    assert.match(page(4), /Network in 470\.8 KB\/s · out 2\.1 MB\/s/);
    assert.match(page(4), /rag-app +web-2 +4212 +up/);
    assert.match(page(4), /214,882 accepted · 214,804 stored · 78 waiting · 0 dropped · storage ok/);
  });

  it('orders routes and models as asked', () => {
    const first = (view: Partial<Picture['view']>, head: RegExp) => {
      const lines = linesOf(pictureOf(busy, { view: { ...FIRST_VIEW, ...view } }), EVERYTHING);
      return lines[lines.findIndex((line) => head.test(line)) + 1]?.split(' ')[0];
    };
    const routes = [0, 1, 2, 3].map((routeOrder) => first({ page: 1, routeOrder }, /^ROUTE/));
    assert.deepEqual(routes, ['/api/ask', '/api/ask/stream', '<unmatched>', '/']);
    const models = [0, 1, 4].map((modelOrder) => first({ page: 3, modelOrder }, /^MODEL/));
    assert.deepEqual(models, [
      'anthropic/claude-sonnet-4-5',
      'openai/gpt-4o-mini',
      'anthropic/claude-sonnet-4-5',
    ]);
  });

  it('scrolls pages that are longer than the terminal', () => {
    const picture = pictureOf(busy, { view: { ...FIRST_VIEW, page: 1, scroll: 99 } });
    const { lines, scrollMax } = renderScreen(picture, { columns: 80, rows: 8 });
    assert.equal(scrollMax, 8);
    assert.match(plain(lines[6] ?? []), /^\/healthz/);
  });
});

describe('a frame without figures', () => {
  const state = (changes: Partial<MetricsState>) => ({ ...initialState(5000), ...changes });

  it('says that it connects, that nothing answers and when it tries again, or that a token is missing', () => {
    const text = (metrics: MetricsState) => textOf(pictureOf(null, { metrics }));
    assert.match(text(state({ connection: 'connecting' })), /Connecting to http:\/\/127\.0\.0\.1:9464/);
    const waiting = state({
      connection: 'waiting',
      error: 'The collector cannot be reached',
      nextAttemptAt: NOW_MS + 3000,
    });
    assert.match(
      text(waiting),
      /DISCONNECTED\n○ UNKNOWN\n(.*\n)*No figures from .*: The collector cannot be reached\nnext attempt in 3 s/,
    );
    const login = state({ connection: 'waiting', loginNeeded: true, error: 'Login needed' });
    assert.match(text(login), /LOGIN NEEDED\n(.*\n)*The collector at .* asks for a token/);
    assert.match(text(login), /Set NERVECENTER_ADMIN_TOKEN/);
  });

  it('keeps the last ones and says how old they are', () => {
    const lost = {
      ...pictureOf(busy).metrics,
      connection: 'waiting' as const,
      stale: true,
      error: 'The connection was lost',
      nextAttemptAt: NOW_MS + 4000,
    };
    const text = textOf(pictureOf(busy, { metrics: lost }));
    assert.match(
      text,
      /DISCONNECTED\n● was HEALTHY\n! The connection was lost: figures are 12 s old, next attempt in 4 s$/m,
    );
    assert.match(text, /^CPU .*46\.3%/m);
    const polling = { ...pictureOf(busy).metrics, connection: 'polling' as const };
    assert.match(textOf(pictureOf(busy, { metrics: polling })), /polling, no WebSocket$/m);
    const paused = { ...FIRST_VIEW, paused: true };
    assert.match(textOf(pictureOf(busy, { view: paused })), /PAUSED, p goes on$/m);
  });
});

describe('names from outside', () => {
  const EVIL = '\x1b]0;owned\x07\x1b[2J\x9b31m<b>\u202e\r\n日本';

  it('reach the terminal as text, whatever they hold', () => {
    const endpoint = { requests: 9e9, latency_avg_ms: 1, latency_p95_ms: 1, errors: 1 };
    const [model] = busy.llm.by_model;
    assert.ok(model);
    const snapshot: Snapshot = {
      ...busy,
      service: EVIL,
      timestamp: `2026-11-22T10:00:00Z`,
      api: { ...busy.api, endpoints: { [EVIL]: endpoint } },
      rag: { ...busy.rag, stages: { [EVIL]: { count: 1, avg_ms: 1, p50_ms: 1, p95_ms: 1, p99_ms: 1 } } },
      cache: {
        ...busy.cache,
        caches: { [EVIL]: { hits: 1, misses: 1, hit_rate: 50, keys_count: 1, memory_used_bytes: 1 } },
      },
      llm: { ...busy.llm, by_model: [{ ...model, provider: EVIL, model: EVIL }] },
      instances: [{ service: EVIL, instance_id: EVIL, host: EVIL, pid: 1, last_seen_seconds: 1, up: true }],
      pipeline: { ...busy.pipeline, events_dropped: { [EVIL]: 1 } },
    };
    const metrics = { ...pictureOf(snapshot).metrics, error: EVIL };
    for (const page of PAGES.keys()) {
      for (const size of [SMALL, EVERYTHING, { columns: 160, rows: 50 }]) {
        const { lines } = renderScreen(
          pictureOf(snapshot, { metrics, alerts: firing(EVIL, EVIL), ...onPage(page), target: EVIL }),
          size,
        );
        const text = lines.map(plain).join('');
        assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u);
        assert.ok(text.includes('␛]0;owned␇␛[2J'), 'they are shown');
        assert.deepEqual([...new Set(lines.map(lineWidth))], [size.columns]);
      }
    }
  });
});

describe('what is drawn', () => {
  it('sparklines: from 0 to the most, gaps as gaps, nothing of one value', () => {
    assert.equal(sparkline([0, 50, 100], 10, 100), '▁▅█');
    assert.equal(sparkline([1, null, 2], 10), '▅ █');
    assert.equal(sparkline([0, 0], 10), '▁▁');
    assert.equal(sparkline([1, 2, 3, 4], 2), '▆█');
    assert.equal(sparkline([7], 10), '');
  });

  it('meters: never longer than they are', () => {
    assert.deepEqual(
      [-5, 0, 50, 100, 250].map((percent) => plain(meter(percent, 4, 'good'))),
      ['░░░░', '░░░░', '██░░', '████', '████'],
    );
  });

  it('alerts: none of an answer that is none, and no field believed', () => {
    assert.equal(readAlerts(null), null);
    assert.equal(readAlerts({ rules: 'many' }), null);
    const odd = {
      rules: [null, 7, { instances: 'x' }, { instances: [{ state: 'firing' }, { state: 'ok' }] }],
    };
    assert.deepEqual(readAlerts(odd)?.active, [
      { name: '', group: '', severity: 'warning', state: 'firing', sinceMs: 0, value: null, unit: '' },
    ]);
  });
});

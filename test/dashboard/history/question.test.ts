import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { HistoryClient, HistoryFailure } from '../../../dashboards/web/src/history/client.ts';
import { type HistoryRequest, historySearch } from '../../../dashboards/web/src/history/question.ts';
import { parseHistoryQuery } from '../../../src/core/history/parameters.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10);

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

  test('begin with the first row where the range begins before it, in steps that are not too fine', () => {
    const asked = (ageMs: number, request: Partial<HistoryRequest> = {}) => {
      const young = { fromMs: NOW_MS - ageMs, toMs: NOW_MS };
      const search = historySearch({ signal: 'llm-call', measure: 'cost', ...request }, { ...moment, young });
      return parseHistoryQuery(new URLSearchParams(search), NOW_MS).buckets;
    };
    for (const [ageMs, stepMs] of [
      [30_000, 5000],
      [90_000, 5000],
      [450_000, 5000],
      [900_000, 10_000],
    ] as const) {
      const { boundariesMs, stepMs: own } = asked(ageMs);
      assert.deepEqual([own, boundariesMs[0]], [stepMs, NOW_MS - ageMs]);
    }
    // By the clock of its sender it is yet to come.
    assert.equal(asked(-5000).boundariesMs[0], NOW_MS - 60_000);
    const gauge = { signal: 'system', measure: 'avg', filters: { metric: 'load_1m' } } as const;
    assert.equal(asked(90_000, gauge).stepMs, 30_000, 'never finer than there are rows');
    assert.equal(asked(90_000, { step: 'all' }).boundariesMs.length, 2);
    assert.equal(asked(90_000, { step: '1m' }).stepMs, 60_000);
  });

  test('fail in the server’s own words, and are kept up to a bound', async () => {
    const answers = new HistoryClient(async () => Response.json({ step_seconds: 1, series: [] }));
    const { signal } = new AbortController();
    for (let index = 0; index < 100; index++) await answers.ask(`n=${index}`, signal);
    assert.equal(answers.kept('n=0'), null);
    assert.notEqual(answers.kept('n=99'), null);
    assert.equal(answers.evicted, 20);
    const refused = new HistoryClient(async () => Response.json({ detail: 'Too long.' }, { status: 503 }));
    await assert.rejects(refused.ask('', signal), new HistoryFailure('Too long.', { status: 503 }));
    const page = new HistoryClient(async () => new Response('<html>'));
    await assert.rejects(page.ask('', signal), /not JSON/);
    const login = new HistoryClient(async () => Response.json({}, { status: 401 }));
    await assert.rejects(login.ask('', signal), { loginNeeded: true });
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { HistoryClient, HistoryFailure } from '../../../dashboards/web/src/history/client.ts';
import { historySearch } from '../../../dashboards/web/src/history/question.ts';
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

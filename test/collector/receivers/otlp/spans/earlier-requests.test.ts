import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { eventIdOf } from '../../../../../src/collector/receivers/otlp/event-id.ts';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import {
  EarlierRequests,
  type EndedRequest,
} from '../../../../../src/collector/receivers/otlp/spans/earlier-requests.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';
import { STARTED_MS, spanId, spanOf } from '../span.ts';

const MINUTE_MS = 60_000;

/** A request that ended so long before the collector started. */
function served(number: number, agoMs: number): OtlpSpan {
  return spanOf({
    spanId: spanId(number),
    kind: 'server',
    endMs: STARTED_MS - agoMs,
    attributes: { 'http.request.method': 'GET' },
  });
}

const idOf = ({ traceId, spanId: id, endMs }: OtlpSpan): string => eventIdOf(traceId, id, endMs);

/** What is asked of storage, and how old the collector is. */
class Asked {
  readonly questions: (readonly EndedRequest[])[] = [];
  settled = true;
  /** When the last that is stored ended, after the collector started. */
  lastMs: number | null = null;
  answers = true;
  ageMs = 1000;
  readonly earlier = new EarlierRequests({
    stored: {
      settled: async () => this.settled,
      lastRequestBefore: async () => this.lastMs,
      requestsAmong: async (ended) => {
        this.questions.push(ended);
        if (!this.answers) throw new NervecenterError('NC_UNAVAILABLE', 'no answer');
        return new Set(ended.slice(0, 1).map(({ id }) => id));
      },
    },
    sinceMs: STARTED_MS,
    now: () => STARTED_MS + this.ageMs,
  });
}

describe('requests that a collector before may have accepted', () => {
  it('are looked up by their ids and when they ended', async () => {
    const asked = new Asked();
    const [one, other] = [served(1, 500), served(2, 900)];
    const call = spanOf({
      kind: 'client',
      endMs: STARTED_MS - 100,
      attributes: { 'gen_ai.operation.name': 'chat' },
    });
    assert.deepEqual(await asked.earlier.among([one, call, other]), new Set([idOf(one)]));
    const ended = [one, other].map((span) => ({ id: idOf(span), endMs: span.endMs }));
    assert.deepEqual(asked.questions, [ended]);
  });

  it('are none that ended since, and none once the collector is old', async () => {
    const asked = new Asked();
    assert.deepEqual(asked.earlier.among([served(1, -2 * MINUTE_MS)]), new Set());
    assert.equal((await asked.earlier.among([served(1, -500)])).size, 0);
    asked.ageMs = 16 * MINUTE_MS;
    assert.equal((await asked.earlier.among([served(1, 500)])).size, 0);
    assert.deepEqual(asked.questions, []);
  });

  it('end by a clock that is ahead, as far as what is stored says so', async () => {
    const asked = new Asked();
    asked.lastMs = STARTED_MS + 700;
    const [one, other] = [served(1, -700), served(2, -710)];
    assert.deepEqual(await asked.earlier.among([one, other]), new Set([idOf(one)]));
    assert.deepEqual(asked.questions, [[{ id: idOf(one), endMs: one.endMs }]]);
  });

  it('are waited for while storage is starting, and not while it is down', async () => {
    const asked = new Asked();
    asked.settled = false;
    await assert.rejects(async () => asked.earlier.among([served(1, 500)]), { code: 'NC_UNAVAILABLE' });
    asked.ageMs = 11_000;
    assert.equal((await asked.earlier.among([served(1, 500)])).size, 0);
    asked.settled = true;
    assert.equal((await asked.earlier.among([served(1, 500)])).size, 1);
  });

  it('are waited for no longer while storage does not answer, and it is not asked for a while', async () => {
    const asked = new Asked();
    asked.answers = false;
    await assert.rejects(async () => asked.earlier.among([served(1, 500)]), { code: 'NC_UNAVAILABLE' });
    asked.ageMs = 11_000;
    assert.equal((await asked.earlier.among([served(1, 500)])).size, 0);
    asked.answers = true;
    assert.equal((await asked.earlier.among([served(1, 500)])).size, 0);
    assert.equal(asked.questions.length, 2);
    asked.ageMs = 22_000;
    assert.equal((await asked.earlier.among([served(1, 500)])).size, 1);
  });
});

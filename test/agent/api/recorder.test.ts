import assert from 'node:assert/strict';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'vitest';
import { Recorder } from '../../../src/agent/api/recorder.ts';
import { runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { RouteBound } from '../../../src/core/http/served.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import { signalNamed } from '../../../src/core/signals/index.ts';
import type { LlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../src/core/signals/rag-query.ts';
import type { RequestEvent } from '../../../src/core/signals/request.ts';
import { attributeValues, measured } from '../../support/measurements.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { toRow } from '../../support/rows.ts';

let agent: RecordingAgent;
let recorder: Recorder;
let invalid: string[];
let refused: number;

beforeEach(() => {
  agent = new RecordingAgent();
  invalid = [];
  refused = 0;
  recorder = new Recorder({
    agent,
    routes: new RouteBound(),
    stageNames: new StageNames(),
    onInvalid: (name, field) => void invalid.push(`${name}.${field}`),
    onRefused: () => void refused++,
  });
});

/** The last event, without what is made for each. */
function last<E>(): Omit<E, 'id' | 'timeMs'> {
  const { id, timeMs, ...rest } = agent.events.at(-1) as unknown as E & { id: string; timeMs: number };
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.ok(timeMs > 0);
  return rest;
}

const NOBODY = { traceId: null, userEmail: null, department: null };
/** Per recorder: what is required, every number it takes with the largest, and every other field. */
const RECORDERS = [
  {
    name: 'request',
    required: { endpoint: '/a/:id', latencyMs: 5 },
    numbers: { latencyMs: 30 * 86_400_000, statusCode: 999 },
    others: { endpoint: '/a', method: 'POST', error: true },
  },
  {
    name: 'ragQuery',
    required: { totalMs: 5 },
    numbers: { totalMs: 1, embeddingMs: 1, searchMs: 1, rerankMs: 1, chunks: 1, chunksUsed: 1 },
    others: { cacheHit: true, embeddingCacheHit: false, error: false },
  },
  {
    name: 'llmCall',
    required: { model: 'm', provider: 'p', latencyMs: 5 },
    numbers: { latencyMs: 1, firstTokenMs: 1, tokensIn: 1, tokensOut: 1, cachedTokens: 1, costUsd: 1 },
    others: { model: 'm', provider: 'p', queryCategory: 'c', error: true },
  },
] as const;

const record = (name: (typeof RECORDERS)[number]['name'], fields: object): void =>
  recorder[name](fields as never);

for (const { name, required, numbers, others } of RECORDERS) {
  describe(`recorder.${name}`, () => {
    const isRequired = (field: string) => Object.hasOwn(required, field);

    for (const field of Object.keys(numbers)) {
      it(`drops ${field} when it is no usable number, and refuses the event when it needs it`, () => {
        const bad = [
          Number.NaN,
          -1,
          Number.POSITIVE_INFINITY,
          1e300,
          '5',
          true,
          {},
          [],
          5n,
          Symbol('5'),
          () => 5,
        ];
        for (const value of bad) record(name, { ...required, [field]: value });
        assert.equal(refused, isRequired(field) ? bad.length : 0);
        assert.equal(agent.events.length, isRequired(field) ? 0 : bad.length);
        assert.equal(invalid.length, bad.length);
        for (const event of agent.events) {
          for (const value of toRow(signalNamed(event.signal), event)) {
            assert.ok(typeof value !== 'number' || (Number.isFinite(value) && value >= 0));
          }
        }
      });
    }

    for (const field of Object.keys(others)) {
      it(`drops ${field} when it is of another type`, () => {
        const bad = [
          5,
          {},
          [],
          Number.NaN,
          Symbol('x'),
          ...(field === 'error' || field.endsWith('Hit') ? ['x'] : [true]),
        ];
        for (const value of bad) record(name, { ...required, [field]: value });
        assert.equal(refused, isRequired(field) ? bad.length : 0);
        assert.equal(invalid.length, bad.length);
      });
    }

    for (const field of Object.keys(required)) {
      it(`refuses an event without ${field}`, () => {
        for (const value of [undefined, null]) record(name, { ...required, [field]: value });
        assert.deepEqual([refused, agent.events.length], [2, 0]);
      });
    }

    it('takes anything without throwing: an event or a refusal each time', () => {
      const field = fc.constantFrom(
        ...Object.keys(required),
        ...Object.keys(numbers),
        ...Object.keys(others),
      );
      const fields = fc.dictionary(field, fc.anything());
      fc.assert(
        fc.property(
          fc.oneof(
            fc.anything(),
            fields,
            fields.map((some) => ({ ...required, ...some })),
          ),
          (any) => {
            const before = agent.events.length + refused;
            record(name, any as object);
            assert.equal(agent.events.length + refused, before + 1);
          },
        ),
      );
      const throwing = {
        get() {
          throw new Error('a getter of the app');
        },
      };
      for (const one of [...Object.keys(required), ...Object.keys(others)]) {
        record(name, Object.defineProperty({ ...required }, one, throwing));
      }
    });
  });
}

describe('what is recorded', () => {
  it('is a request by its template, with a status that fits', () => {
    recorder.request({ endpoint: '/a/:id', latencyMs: 5, method: 'post', error: true });
    assert.deepEqual(last<RequestEvent>(), {
      signal: 'request',
      ...NOBODY,
      route: '/a/:id',
      method: 'POST',
      statusCode: 500,
      durationMs: 5,
      requestBytes: null,
      responseBytes: null,
    });
    recorder.request({ endpoint: '/a', latencyMs: 0, method: 'not a method', statusCode: 404, error: true });
    const { method, statusCode } = last<RequestEvent>();
    assert.deepEqual([method, statusCode], ['_OTHER', 404]);
  });

  it('keeps the number of routes, models and providers that metrics show bounded, and lets half as many more change hands', () => {
    for (let i = 0; i < 1000; i++) {
      recorder.request({ endpoint: `/raw/${i}`, latencyMs: 1 });
      recorder.llmCall({ model: `model-${i}`, provider: `provider-${i}`, latencyMs: 1 });
    }
    const points = measured(agent.events);
    const distinct = (attribute: string) => attributeValues(points, attribute).size;
    const sizes = ['http.route', 'gen_ai.request.model', 'gen_ai.provider.name'].map(distinct);
    assert.deepEqual(sizes, [299, 601, 551]);
  });

  it('is a RAG query, whose failure is neither a cache miss nor a look-up', () => {
    recorder.ragQuery({ totalMs: 80, embeddingMs: 10, searchMs: 0, chunks: 0, cacheHit: false });
    const query = last<RagQueryEvent>();
    assert.deepEqual(query.stages, { embedding: 10, vector_search: 0 });
    assert.deepEqual([query.chunksRetrieved, query.cacheHit, query.outcome], [0, false, 'ok']);
    recorder.ragQuery({ totalMs: 80, cacheHit: false, embeddingCacheHit: false, error: true });
    assert.deepEqual([last<RagQueryEvent>().cacheHit, last<RagQueryEvent>().outcome], [null, 'error']);
    assert.deepEqual(agent.lookups, [['rag', false]]);
  });

  it('is a model call with its tokens in disjoint buckets', () => {
    recorder.llmCall({
      model: 'm',
      provider: 'p',
      latencyMs: 9,
      tokensIn: 100,
      tokensOut: 7,
      cachedTokens: 40,
    });
    assert.deepEqual(last<LlmCallEvent>().usage, {
      inputUncached: 60,
      cacheRead: 40,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      inputAudio: 0,
      inputImage: 0,
      outputText: 7,
      outputReasoning: 0,
      outputAudio: 0,
      outputImage: 0,
    });
    // More cached than there were: no bucket may be negative.
    recorder.llmCall({ model: 'm', provider: 'p', latencyMs: 9, tokensIn: 10, cachedTokens: 40 });
    assert.deepEqual(
      [last<LlmCallEvent>().usage?.inputUncached, last<LlmCallEvent>().usage?.cacheRead],
      [0, 10],
    );
    recorder.llmCall({ model: 'm', provider: 'p', latencyMs: 9, firstTokenMs: 0 });
    const { usage, usageSource, firstTokenMs, streaming } = last<LlmCallEvent>();
    assert.deepEqual([usage, usageSource, firstTokenMs, streaming], [null, 'none', null, false]);
  });

  it('is for whom the surrounding work is', () => {
    const work = new WorkContext({ user: { email: 'ada@example.com' }, traceId: 'a'.repeat(32) });
    runInContext(work, () => recorder.request({ endpoint: '/', latencyMs: 1 }));
    const { traceId, userEmail, department } = last<RequestEvent>();
    assert.deepEqual([traceId, userEmail, department], ['a'.repeat(32), 'ada@example.com', null]);
  });

  it('is a cache look-up or a WebSocket message only when it is one', () => {
    recorder.cacheAccess('sessions', true);
    for (const [name, hit] of [
      ['', true],
      [5, true],
      ['x', 'yes'],
      [undefined, undefined],
    ]) {
      recorder.cacheAccess(name, hit);
    }
    assert.deepEqual(agent.lookups, [['sessions', true]]);
    recorder.wsMessage('in', 10);
    recorder.wsMessage('out', undefined);
    recorder.wsMessage('in', -5);
    for (const direction of ['sideways', null, 5, Symbol('in')]) recorder.wsMessage(direction, 1);
    assert.deepEqual(agent.websockets.takeDeltas(), {
      active: 0,
      opened: 0,
      messagesIn: 2,
      messagesOut: 1,
      bytesIn: 10,
      bytesOut: 0,
    });
    assert.equal(refused, 8);
  });
});

it('names beyond the bound are counted by the attribute they were for', () => {
  for (let i = 0; i < 102; i++) recorder.llmCall({ model: `m${i}`, provider: 'p', latencyMs: 1 });
  for (let i = 0; i < 50; i++) recorder.llmCall({ model: 'm0', provider: `p${i}`, latencyMs: 1 });
  // Two that came late, the one that came back, and the 51st provider.
  const expected = [...new Array<string>(3).fill('gen_ai.request.model'), 'gen_ai.provider.name'];
  assert.deepEqual(agent.folded, expected);
  const stages: string[] = [];
  const names = new StageNames({ onFolded: () => stages.push('folded') });
  for (let i = 0; i < 32; i++) names.admit(`s${i}`);
  assert.deepEqual(stages, ['folded', 'folded']);
});

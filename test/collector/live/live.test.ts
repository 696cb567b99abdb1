import assert from 'node:assert/strict';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'vitest';
import {
  LLM_CACHE_SAVINGS,
  LLM_CHUNK_GAPS,
  LLM_COST,
  LLM_INFERENCE_DURATION,
  LLM_RATE_LIMITED,
  LLM_UNPRICED,
} from '../../../src/core/llm/call-instruments.ts';
import { FOLDED_LABEL, FOLDED_LABELS } from '../../../src/core/llm/labels.ts';
import { CACHE_REQUESTS } from '../../../src/core/signals/cache.ts';
import {
  RAG_CHUNKS,
  RAG_DURATION,
  RAG_STAGE_DURATION,
  STAGE_ATTRIBUTE,
} from '../../../src/core/signals/rag-query.ts';
import {
  CPU_UTILIZATION,
  EVENT_LOOP_P99,
  HEAP_USED,
  MEMORY_USAGE,
  PROCESS_MEMORY,
} from '../../../src/core/signals/system.ts';
import { WS_CONNECTIONS } from '../../../src/core/signals/ws-session.ts';
import { GIVEN_UP, GIVEN_UP_REASON } from '../../../src/core/unfinished-observations.ts';
import { MIB, milliseconds } from '../../../src/core/units.ts';
import { ClockedLive, histogramOf, pointOf, requestsOf, WINDOW_MS } from './agents.ts';

let clock: ClockedLive;
const snapshot = () => clock.live.snapshot();

beforeEach(() => {
  clock = new ClockedLive();
});

/** Every number in the snapshot, by its path. */
function* numbersOf(value: unknown, path = ''): Iterable<[string, unknown]> {
  if (typeof value !== 'object' || value === null) yield [path, value];
  else for (const [key, inner] of Object.entries(value)) yield* numbersOf(inner, `${path}.${key}`);
}

describe('the snapshot', () => {
  it('has every field, and zeros, when nothing has happened yet', () => {
    const { system, rag, llm, api, websocket, instances, ...rest } = snapshot();
    assert.deepEqual(api.endpoints, {});
    assert.deepEqual(instances, []);
    assert.deepEqual([rag.latency_p95_ms, llm.latency_avg_ms, websocket.connections_active], [0, 0, 0]);
    assert.equal(rest.timestamp, '2023-11-14T22:13:20.000Z');
    for (const [path, value] of numbersOf({ system, rag, llm, api, websocket })) {
      assert.ok(value === 0 || value === false, `${path}: ${value}`);
    }
  });

  it('holds finite numbers only, whatever agents measured', () => {
    const agent = clock.agent();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e308]) {
      agent.send([
        pointOf(WS_CONNECTIONS, value),
        pointOf(EVENT_LOOP_P99, value),
        pointOf(LLM_COST, value),
        pointOf(CACHE_REQUESTS, value, { 'cache.name': 'rag', 'cache.result': 'hit' }),
      ]);
    }
    const text = JSON.stringify(snapshot());
    assert.doesNotMatch(text, /null|NaN|Infinity/);
  });

  it('is one over all agents: counts add up, gauges too, the worst event loop shows', () => {
    const [a, b] = [clock.agent(), clock.agent()];
    a.send([requestsOf('/a', [0.1, 0.3]), pointOf(PROCESS_MEMORY, 10 * MIB), pointOf(EVENT_LOOP_P99, 0.002)]);
    b.send([requestsOf('/a', [0.2], 500), pointOf(PROCESS_MEMORY, 30 * MIB), pointOf(EVENT_LOOP_P99, 0.05)]);
    const { api, system, instances } = snapshot();
    assert.deepEqual(api.endpoints['/a'], {
      requests: 3,
      latency_avg_ms: 200,
      latency_p95_ms: 300,
      errors: 1,
    });
    assert.deepEqual([system.process_memory_mb, system.event_loop_p99_ms], [40, 50]);
    assert.equal(instances.length, 2);
  });

  it('keeps counts for ever and forgets latencies with the window', () => {
    const agent = clock.agent();
    agent.send([requestsOf('/a', [4]), histogramOf(RAG_DURATION, [2])]);
    clock.nowMs += WINDOW_MS / 2;
    agent.send([requestsOf('/a', [1])]);
    assert.equal(snapshot().api.endpoints['/a']?.latency_avg_ms, 2500);
    assert.equal(snapshot().rag.window_count, 1);
    clock.nowMs += WINDOW_MS / 2;
    const half = snapshot();
    assert.equal(half.api.endpoints['/a']?.latency_avg_ms, 1000);
    assert.deepEqual([half.rag.window_count, half.rag.latency_p95_ms, half.rag.total_queries], [0, 0, 1]);
    clock.nowMs += 10 * WINDOW_MS;
    const late = snapshot().api;
    assert.deepEqual([late.endpoints['/a']?.latency_avg_ms, late.requests_per_second], [0, 0]);
    assert.deepEqual([late.endpoints['/a']?.requests, late.requests_total], [2, 2]);
  });

  it('adds stages up to the whole, each query counted', () => {
    const stage = (name: string, values: number[]) =>
      histogramOf(RAG_STAGE_DURATION, values, { [STAGE_ATTRIBUTE]: name });
    clock
      .agent()
      .send([
        histogramOf(RAG_DURATION, [1, 1, 1, 1]),
        stage('embedding', [0.2, 0.2]),
        stage('vector_search', [0.5, 0.5, 0.5, 0.5]),
        stage('__proto__', [0.1]),
      ]);
    const { rag } = snapshot();
    assert.deepEqual([rag.embedding_avg_ms, rag.search_avg_ms], [100, 500]);
    assert.equal(rag.stages['embedding']?.avg_ms, 200);
    assert.deepEqual(Object.keys(rag.stages), ['embedding', 'vector_search', '__proto__']);
  });

  it('says how many queries told their chunks, of all and in the window', () => {
    const agent = clock.agent();
    const figures = ({ rag }: ReturnType<typeof snapshot>) => [
      rag.avg_chunks,
      rag.zero_chunk_rate,
      rag.chunks_told_total,
      rag.chunks_told_window,
    ];
    agent.send([histogramOf(RAG_DURATION, [1, 1])]);
    assert.deepEqual(figures(snapshot()), [0, 0, 0, 0]);
    agent.send([histogramOf(RAG_CHUNKS, [0, 4])]);
    assert.deepEqual(figures(snapshot()), [2, 50, 2, 2]);
    clock.nowMs += 2 * WINDOW_MS;
    assert.deepEqual(figures(snapshot()), [0, 50, 2, 0]);
  });

  it('ranks models by what they cost', () => {
    const model = (name: string) => ({ 'gen_ai.provider.name': 'p', 'gen_ai.request.model': name });
    clock
      .agent()
      .send([
        histogramOf(LLM_INFERENCE_DURATION, [1], model('cheap')),
        histogramOf(LLM_INFERENCE_DURATION, [1], { ...model('dear'), 'error.type': '429' }),
        histogramOf(LLM_INFERENCE_DURATION, [1], { ...model('dear'), 'error.type': 'aborted' }),
        pointOf(LLM_COST, 3, model('dear')),
        pointOf(LLM_UNPRICED, 1, model('cheap')),
        pointOf(LLM_RATE_LIMITED, 1, model('dear')),
        histogramOf(LLM_CHUNK_GAPS, [0.05, 0.05], model('dear')),
      ]);
    const { llm } = snapshot();
    assert.deepEqual(
      llm.by_model.map((one) => [one.model, one.requests, one.errors, one.cost_usd, one.unpriced_requests]),
      [
        ['dear', 2, 1, 3, 0],
        ['cheap', 1, 0, 0, 1],
      ],
    );
    assert.deepEqual([llm.error_count, llm.aborted_requests], [1, 1]);
    assert.deepEqual(
      [llm.rate_limited_requests, llm.chunk_gap_p95_ms, llm.by_model.map((one) => one.rate_limited_requests)],
      [1, 50, [1, 0]],
    );
  });

  it('takes rates over the window, or over what has been watched of it, 10 s at least', () => {
    clock.agent().send([requestsOf('/a', Array(60).fill(0.1)), pointOf(LLM_COST, 3)]);
    const rates = () => [snapshot().api.requests_per_second, snapshot().llm.cost_per_hour_usd];
    assert.deepEqual(rates(), [6, 1080]);
    clock.nowMs += 60_000;
    assert.deepEqual(rates(), [1, 180]);
    clock.nowMs += WINDOW_MS - 60_000 - 10_000;
    clock.agent().send([requestsOf('/a', Array(240).fill(0.1))]);
    clock.nowMs += 10_000;
    assert.deepEqual(rates(), [0.8, 0]);
  });

  it('takes rates over a window that was read back as a whole', () => {
    const points = [requestsOf('/a', Array(30).fill(0.1))];
    clock.live.addEarlier({ totals: points, window: [{ atMs: clock.nowMs - WINDOW_MS + 10_000, points }] });
    assert.equal(snapshot().api.requests_per_second, 0.1);
  });

  it('misses who fell silent, not who said goodbye', () => {
    const [a, b] = [clock.agent(), clock.agent()];
    a.leave();
    clock.live.end(b.source.instanceId);
    b.leave();
    assert.deepEqual(
      snapshot().instances.map(({ instance_id, up }) => [instance_id, up]),
      [[a.source.instanceId, false]],
    );
    b.send([]);
    assert.equal(snapshot().instances.length, 2);
  });

  it('names the models without a price, busiest first, at most 20, and says what caches saved', () => {
    const model = (name: string) => ({ 'gen_ai.provider.name': 'p', 'gen_ai.request.model': name });
    const unpriced = Array.from({ length: 25 }, (_, i) => pointOf(LLM_UNPRICED, i + 1, model(`m${i}`)));
    clock.agent().send([...unpriced, pointOf(LLM_CACHE_SAVINGS, 0.25, model('m0'))]);
    const { llm } = snapshot();
    assert.equal(llm.unpriced_models.length, 20);
    assert.deepEqual(llm.unpriced_models[0], { provider: 'p', model: 'm24', requests: 25 });
    assert.deepEqual([llm.unpriced_requests, llm.cache_savings_usd], [325, 0.25]);
  });

  it('lists at most 200 endpoints and loses no request beyond them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(399), { maxLength: 500 }), (routes) => {
        clock = new ClockedLive();
        const agents = [clock.agent(), clock.agent()];
        for (const [i, route] of routes.entries()) agents[i % 2]?.send([requestsOf(`/r/${route}`, [0.01])]);
        const { api } = snapshot();
        const endpoints = Object.values(api.endpoints);
        assert.ok(endpoints.length <= 200);
        assert.equal(api.requests_total, routes.length);
        assert.equal(
          endpoints.reduce((sum, { requests }) => sum + requests, 0),
          routes.length,
        );
        assert.equal(api.overflow_endpoints, api.endpoints['<other>']?.requests ?? 0);
      }),
      { numRuns: 20 },
    );
  });

  it('takes routes called after names of the language for routes', () => {
    const routes = ['__proto__', 'constructor', 'toString'];
    const agent = clock.agent();
    for (const route of routes) agent.send([requestsOf(route, [0.01])]);
    const parsed = JSON.parse(JSON.stringify(snapshot())) as ReturnType<typeof snapshot>;
    assert.deepEqual(Object.keys(parsed.api.endpoints), routes);
    assert.equal(parsed.api.requests_total, 3);
  });
});

describe('instances', () => {
  it('that leave are down, their gauges gone and their counts kept; in time they are forgotten', () => {
    const [a, b] = [clock.agent('a'), clock.agent('b')];
    a.send([requestsOf('/a', [1]), pointOf(WS_CONNECTIONS, 4)]);
    b.send([pointOf(WS_CONNECTIONS, 1)]);
    assert.equal(snapshot().websocket.connections_active, 5);
    a.leave();
    const { api, websocket, instances } = snapshot();
    assert.deepEqual([api.requests_total, websocket.connections_active], [1, 1]);
    assert.deepEqual(
      instances.map(({ service, up }) => [service, up]),
      [
        ['a', false],
        ['b', true],
      ],
    );
    clock.nowMs += 5 * 60_000 + 1;
    clock.live.tick();
    assert.deepEqual(
      snapshot().instances.map(({ service }) => service),
      ['b'],
    );
    assert.equal(snapshot().api.requests_total, 1);
  });

  it('whose frame is late have a blocked event loop, for as long as it is late', () => {
    const [a] = [clock.agent(), clock.agent()];
    a.send([pointOf(EVENT_LOOP_P99, 0.001)]);
    clock.nowMs += 1050;
    assert.equal(snapshot().system.event_loop_p99_ms, 1, 'noise');
    clock.nowMs += 6950;
    const { system, instances } = snapshot();
    assert.deepEqual([system.event_loop_p99_ms, system.event_loop_utilization_percent], [7000, 100]);
    assert.equal(instances[0]?.last_seen_seconds, 8);
    assert.deepEqual(clock.live.health().issues, ['Event loop blocked']);
    for (const agent of [a]) agent.send([pointOf(EVENT_LOOP_P99, 0.001)]);
    const [, other] = snapshot().instances;
    clock.live.leave(other?.instance_id ?? '');
    assert.equal(snapshot().system.event_loop_p99_ms, 1);
    assert.deepEqual(clock.live.health().issues, []);
  });

  it('that say when their next frame comes are late from then on, and after that frame as before', () => {
    const agent = clock.agent();
    const lateMs = (afterMs: number) => {
      clock.nowMs += afterMs;
      return snapshot().system.event_loop_p99_ms;
    };
    agent.send([], {}, { nextInMs: milliseconds(2500) });
    assert.deepEqual([lateMs(2600), lateMs(400)], [0, 500]);
    agent.send([]);
    assert.deepEqual([lateMs(1000), lateMs(500)], [0, 500]);
  });

  it('that come back do not count again what they reported before', () => {
    const agent = clock.agent();
    agent.send([], { agent_queue_full: 5, invalid: 1 });
    agent.leave();
    assert.equal(agent.join(), true);
    agent.send([], { agent_queue_full: 7, invalid: 1 });
    const { events_dropped, events_accepted } = snapshot().pipeline;
    assert.deepEqual(events_dropped, { agent_queue_full: 7, invalid: 1 });
    assert.equal(events_accepted, 8);
  });

  it('are bounded: the newcomer is refused, one that is known is not', () => {
    const first = clock.agent();
    for (let i = 1; i < 500; i++) clock.agent();
    assert.equal(clock.agent().join(), false);
    assert.equal(first.join(), true);
    assert.equal(snapshot().instances.length, 500);
  });
});

describe('processes that send by OTLP', () => {
  const byOtlp = { instrumentations: ['otlp'] };

  it('are gone, and their gauges with them, when they were silent for three minutes; never late before', () => {
    const agent = clock.agent('app', byOtlp);
    agent.send([pointOf(PROCESS_MEMORY, MIB)]);
    clock.nowMs += 179_000;
    clock.live.tick();
    const { system, instances } = snapshot();
    assert.deepEqual([system.process_memory_mb, system.event_loop_p99_ms, instances[0]?.up], [1, 0, true]);
    clock.nowMs += 2000;
    clock.live.tick();
    assert.deepEqual([snapshot().system.process_memory_mb, snapshot().instances[0]?.up], [0, false]);
  });

  it('are one row a gauge, whatever their SDK tells it apart by, and never rows of this host', () => {
    const agent = clock.agent('app', byOtlp);
    agent.send([
      pointOf(HEAP_USED, 3, { 'v8js.heap.space.name': 'new_space' }),
      pointOf(HEAP_USED, 4, { 'v8js.heap.space.name': 'old_space' }),
      pointOf(MEMORY_USAGE, 5e9, { 'host.name': 'elsewhere' }),
      pointOf(CPU_UTILIZATION, 0.99, { 'host.name': 'elsewhere' }),
    ]);
    const readings = clock.live.systemReadings();
    const valuesOf = (name: string) =>
      readings.filter(({ metricName }) => metricName === name).map(({ value }) => value);
    assert.deepEqual(['heap_used_bytes', 'memory_used_bytes', 'cpu_percent'].map(valuesOf), [[7], [0], []]);
    assert.deepEqual([snapshot().system.cpu_percent, snapshot().system.memory_used_gb], [0, 0]);
  });
});

describe('the pipeline', () => {
  it('adds up: what is accepted is stored, queued, in flight or dropped, agents’ drops included', () => {
    clock.agent().send([], { agent_queue_full: 3, queue_full: 2 });
    clock.pipeline = {
      ...clock.pipeline,
      offered: 20,
      events_stored: 10,
      events_queued: 4,
      events_in_flight: 1,
      dropped: { queue_full: 5 },
    };
    const { pipeline } = snapshot();
    assert.deepEqual(pipeline.events_dropped, { queue_full: 7, agent_queue_full: 3 });
    assert.equal(pipeline.events_accepted, 10 + 4 + 1 + 7 + 3);
  });

  it('that drops is unhealthy for a window, and healthy again', () => {
    const agent = clock.agent();
    assert.equal(clock.live.health().status, 'healthy');
    agent.send([], { agent_queue_full: 1 });
    clock.live.tick();
    assert.deepEqual(clock.live.health().issues, ['Events dropped']);
    assert.equal(snapshot().pipeline.events_dropped_window, 1);
    clock.nowMs += WINDOW_MS + 1;
    agent.send([], { agent_queue_full: 1 });
    clock.live.tick();
    assert.equal(clock.live.health().status, 'healthy');
    const { events_dropped, events_dropped_window } = snapshot().pipeline;
    assert.deepEqual([events_dropped, events_dropped_window], [{ agent_queue_full: 1 }, 0]);
  });

  it('counts labels folded, whichever they were', () => {
    const folded = (label: string) => pointOf(FOLDED_LABELS, 2, { [FOLDED_LABEL]: label });
    clock.agent().send([folded('error.type'), folded('gen_ai.request.model')]);
    clock.agent().send([folded('error.type')]);
    assert.equal(snapshot().pipeline.labels_folded, 6);
  });

  it('counts what was given up by reason, and no reason that is not known', () => {
    const givenUp = (reason: string, count: number) =>
      pointOf(GIVEN_UP, count, { [GIVEN_UP_REASON]: reason });
    assert.deepEqual(snapshot().pipeline.observations_given_up, {});
    clock.agent().send([givenUp('body_ahead', 1), givenUp('exchanges_full', 2), givenUp('made up', 5)]);
    clock.agent().send([givenUp('body_ahead', 1)]);
    assert.deepEqual(snapshot().pipeline.observations_given_up, { body_ahead: 2, exchanges_full: 2 });
  });

  it('that only memory holds says so', () => {
    assert.equal(snapshot().pipeline.durable, true);
    clock.pipeline = { ...clock.pipeline, durable: false };
    assert.equal(snapshot().pipeline.durable, false);
    assert.deepEqual(clock.live.health().issues, ['Spool unwritable']);
  });
});

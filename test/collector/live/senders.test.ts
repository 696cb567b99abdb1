import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'vitest';
import type { Point, Source } from '../../../src/core/frame.ts';
import { PERCENTILE_ERROR_BOUND } from '../../../src/core/histogram.ts';
import { OTHER_SENDERS } from '../../../src/core/history/sender-filter.ts';
import { LLM_COST } from '../../../src/core/llm/call-instruments.ts';
import { PROCESS_MEMORY } from '../../../src/core/signals/system.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { MIB, MINUTE_MS } from '../../../src/core/units.ts';
import { ClockedLive, type FakeAgent, pointOf, requestsOf } from './agents.ts';

let clock: ClockedLive;

beforeEach(() => {
  clock = new ClockedLive();
});

const of = (service: string | null, instance: string | null = null): Snapshot =>
  clock.live.snapshot({ service, instance });
const by = ({ source }: FakeAgent, points: readonly Point[]): Point[] =>
  points.map((point) => ({ ...point, sender: source }));
const calls = (usd: number, model = 'm') =>
  pointOf(LLM_COST, usd, { 'gen_ai.provider.name': 'p', 'gen_ai.request.model': model });

/** What has to add up, whatever is shown of it. */
const countersOf = ({ api, llm }: Snapshot) => [api.requests_total, api.errors_total, llm.cost_total_usd];
const added = (snapshots: readonly Snapshot[]) =>
  snapshots.map(countersOf).reduce((sums, counters) => sums.map((sum, at) => sum + (counters[at] ?? 0)));

describe('figures of a part', () => {
  it('are those of one service, or of one of its instances', () => {
    const [a1, a2, b] = [clock.agent('a'), clock.agent('a'), clock.agent('b')];
    clock.live.add([...by(a1, [requestsOf('/x', [0.1])]), ...by(a2, [requestsOf('/x', [0.2, 0.3])])]);
    clock.live.add(by(b, [requestsOf('/y', [1, 1, 1], 500)]));
    assert.deepEqual(countersOf(of('a')), [3, 0, 0]);
    assert.deepEqual(countersOf(of('b')), [3, 3, 0]);
    assert.deepEqual(countersOf(of(null, a2.source.instanceId)), [2, 0, 0]);
    assert.deepEqual(countersOf(of('a', a1.source.instanceId)), [1, 0, 0]);
    assert.deepEqual(countersOf(of('b', a1.source.instanceId)), [0, 0, 0]);
    assert.deepEqual(Object.keys(of('a').api.endpoints), ['/x']);
    assert.deepEqual(countersOf(clock.live.snapshot()), [6, 3, 0]);
  });

  it('are zeros for whom nobody knows', () => {
    const agent = clock.agent('a');
    clock.live.add(by(agent, [requestsOf('/x', [0.1])]));
    const unknown = of('nobody');
    assert.deepEqual(countersOf(unknown), [0, 0, 0]);
    assert.deepEqual(unknown.instances, []);
    assert.equal(unknown.service, 'nobody');
  });

  it('say whose they are, and who else there is; those of all do not', () => {
    const [a, b] = [clock.agent('a'), clock.agent('b')];
    const { filter, instances, service } = of('b');
    assert.equal(service, 'b');
    assert.deepEqual(
      instances.map(({ instance_id }) => instance_id),
      [b.source.instanceId],
    );
    assert.deepEqual(
      filter?.senders.map(({ instance_id }) => instance_id),
      [a.source.instanceId, b.source.instanceId],
    );
    assert.equal('filter' in clock.live.snapshot(), false);
  });

  it('have percentiles of their own values', () => {
    const [a, b] = [clock.agent('a'), clock.agent('b')];
    clock.live.add(by(a, [requestsOf('/x', [0.01, 0.02, 0.03])]));
    clock.live.add(by(b, [requestsOf('/x', [1, 2, 3, 4])]));
    const p95 = (service: string) => of(service).api.endpoints['/x']?.latency_p95_ms ?? 0;
    assert.ok(Math.abs(p95('a') / 30 - 1) <= PERCENTILE_ERROR_BOUND, String(p95('a')));
    assert.ok(Math.abs(p95('b') / 4000 - 1) <= PERCENTILE_ERROR_BOUND, String(p95('b')));
  });

  it('have gauges of their own processes', () => {
    const [a1, a2, b] = [clock.agent('a'), clock.agent('a'), clock.agent('b')];
    for (const [agent, mib] of [
      [a1, 1],
      [a2, 2],
      [b, 4],
    ] as const)
      agent.send([pointOf(PROCESS_MEMORY, mib * MIB)]);
    const memory = (snapshot: Snapshot) => snapshot.system.process_memory_mb;
    assert.deepEqual([of('a'), of('b'), of(null, a2.source.instanceId)].map(memory), [3, 4, 2]);
    assert.equal(memory(clock.live.snapshot()), 7);
  });

  it('go on with what a service had before the collector started; older figures are nobody’s', () => {
    const sender = { service: 'a', instanceId: '' };
    const totals = [{ ...requestsOf('/x', [1, 1]), sender }, requestsOf('/x', [1])];
    const window = [{ atMs: clock.nowMs - 1000, points: [{ ...requestsOf('/x', [2]), sender }] }];
    clock.live.addEarlier({ totals, window });
    assert.deepEqual(countersOf(of('a')), [2, 0, 0]);
    assert.equal(of('a').api.endpoints['/x']?.latency_avg_ms, 2000);
    assert.deepEqual(countersOf(of(OTHER_SENDERS)), [1, 0, 0]);
    clock.live.add(by(clock.agent('a'), [requestsOf('/x', [0.1])]));
    assert.deepEqual(countersOf(of('a')), [3, 0, 0]);
    assert.deepEqual(added([of('a'), of(OTHER_SENDERS)]), countersOf(clock.live.snapshot()));
  });

  it('add up to the whole, whatever names give up their places, and each has names of its own', () => {
    const agents = [clock.agent('a'), clock.agent('b')];
    for (let i = 0; i < 150; i++)
      for (const [at, agent] of agents.entries())
        clock.live.add(
          by(agent, [requestsOf(`/${agent.source.service}/${i}`, [1]), calls(1, `m${at} ${i}`)]),
        );
    const [a, b, whole] = [of('a'), of('b'), clock.live.snapshot()];
    assert.deepEqual(added([a, b]), countersOf(whole));
    assert.deepEqual(countersOf(whole), [300, 0, 300]);
    assert.deepEqual([a.api.overflow_endpoints, Object.keys(b.api.endpoints).length], [0, 150]);
    assert.deepEqual([whole.api.overflow_endpoints, Object.keys(whole.api.endpoints).length], [101, 200]);
    assert.ok('/b/149' in whole.api.endpoints);
    assert.deepEqual(whole.pipeline.labels_folded_by, { route: 101, model: 100 });
    assert.equal(whole.pipeline.labels_folded, 201);
  });

  it('give routes that are in use their names after a restart, whatever was before', () => {
    const sender = { service: 'a', instanceId: '' };
    const totals = Array.from({ length: 400 }, (_, i) => ({ ...requestsOf(`/old/${i}`, [1, 1]), sender }));
    clock.live.addEarlier({ totals, window: [] });
    assert.equal(clock.live.snapshot().api.overflow_endpoints, 2 * 201);
    clock.live.add(by(clock.agent('a'), [requestsOf('/new', [0.1])]));
    const { api } = clock.live.snapshot();
    assert.equal(api.endpoints['/new']?.requests, 1);
    assert.deepEqual([api.requests_total, Object.keys(api.endpoints).length], [801, 200]);
    assert.equal(of('a').api.endpoints['/new']?.requests, 1);
  });

  it('add up to the whole, whoever sends, comes and goes', () => {
    const services = ['a', 'b', 'c'];
    const step = fc.tuple(
      fc.nat(5),
      fc.constantFrom('request', 'failure', 'call', 'leave', 'pass'),
      fc.integer({ min: 1, max: 4 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        clock = new ClockedLive();
        const agents = Array.from({ length: 6 }, (_, i) => clock.agent(services[i % 3]));
        for (const [who, what, count] of steps) act(agents[who], what, count);
        const whole = countersOf(clock.live.snapshot());
        assert.deepEqual(added([...services, OTHER_SENDERS].map((service) => of(service))), whole);
        const ids = [...agents.map(({ source }) => source.instanceId), OTHER_SENDERS];
        assert.deepEqual(added(ids.map((id) => of(null, id))), whole);
      }),
    );
  });
});

function act(agent: FakeAgent | undefined, what: string, count: number): void {
  if (agent === undefined) return;
  const times = new Array<number>(count).fill(0.1);
  if (what === 'request') clock.live.add(by(agent, [requestsOf('/x', times)]));
  if (what === 'failure') clock.live.add(by(agent, [requestsOf('/y', times, 500)]));
  if (what === 'call') clock.live.add(by(agent, [calls(count)]));
  if (what === 'leave') agent.leave();
  if (what === 'pass') {
    clock.nowMs += 6 * MINUTE_MS;
    clock.live.tick();
  }
}

describe('the number of parts', () => {
  it('is bounded: who is gone for longest goes into the others, then newcomers do', () => {
    const gone = clock.agent('gone');
    clock.live.add(by(gone, [requestsOf('/x', [1])]));
    gone.leave();
    for (let i = 1; i <= 100; i++) {
      clock.nowMs++;
      clock.live.add(by(clock.agent(`s${i}`), [requestsOf('/x', [1, 1])]));
    }
    assert.deepEqual(countersOf(of('gone')), [0, 0, 0]);
    assert.deepEqual(countersOf(of('s100')), [2, 0, 0]);
    assert.deepEqual(countersOf(of(OTHER_SENDERS)), [1, 0, 0]);
    const late = clock.agent('late');
    clock.live.add(by(late, [requestsOf('/x', [1])]));
    assert.deepEqual(countersOf(of('late')), [0, 0, 0]);
    const others = of(OTHER_SENDERS);
    assert.deepEqual(countersOf(others), [2, 0, 0]);
    assert.equal(others.api.endpoints['/x']?.latency_avg_ms, 1000);
    assert.deepEqual(
      others.instances.map(({ service }) => service),
      ['gone', 'late'],
    );
    assert.equal(others.filter?.folded.services, 2);
    clock.live.tick();
    assert.equal(of('late').filter?.folded.services, 2);
  });

  it('does not grow by those who never said who they are at the cost of those who did', () => {
    const agent = clock.agent('known');
    clock.live.add(by(agent, [requestsOf('/x', [1])]));
    agent.leave();
    for (let i = 0; i < 300; i++) {
      const source: Source = { ...agent.source, service: `stranger ${i}`, instanceId: randomUUID() };
      clock.live.add([{ ...requestsOf('/x', [1]), sender: source }]);
    }
    assert.deepEqual(countersOf(of('known')), [1, 0, 0]);
    assert.equal(of(OTHER_SENDERS).api.requests_total, 201);
    assert.equal(clock.live.snapshot().api.requests_total, 301);
  });

  it('lets instances go that are gone for more than five minutes, and keeps what they counted', () => {
    const agent = clock.agent('a');
    clock.live.add(by(agent, [requestsOf('/x', [1])]));
    agent.leave();
    clock.nowMs += 4 * MINUTE_MS;
    clock.live.tick();
    assert.equal(of(null, agent.source.instanceId).api.requests_total, 1);
    clock.nowMs += 2 * MINUTE_MS;
    clock.live.tick();
    assert.equal(of(null, agent.source.instanceId).api.requests_total, 0);
    assert.equal(of(null, OTHER_SENDERS).api.requests_total, 1);
    assert.equal(of('a').api.requests_total, 1);
  });

  it('bounds the series of all instances together, and loses none of their counts', () => {
    const agents = Array.from({ length: 21 }, () => clock.agent('a'));
    for (const agent of agents)
      clock.live.add(
        by(
          agent,
          Array.from({ length: 1000 }, (_, i) => requestsOf('/x', [1], 1000 + i)),
        ),
      );
    const own = agents.map(({ source }) => of(null, source.instanceId));
    assert.equal(own.at(0)?.api.requests_total, 1000);
    assert.equal(own.at(-1)?.api.requests_total, 0);
    assert.deepEqual(added([...own, of(null, OTHER_SENDERS)]), [21_000, 21_000, 0]);
  });
});

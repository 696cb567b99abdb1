import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'vitest';
import { AgentProcesses } from '../../../src/collector/receivers/agent-processes.ts';
import { sourceOfResource } from '../../../src/collector/receivers/otlp/sender.ts';
import { GRACE_MS, Subjects } from '../../../src/collector/receivers/otlp/subjects.ts';
import type { Source } from '../../../src/core/frame.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { FedCollector } from '../restart/fed-collector.ts';
import { oneOfEach } from '../sinks/postgres/events.ts';

const AGENT: Source = {
  service: 'shop',
  instanceId: '018f0000-0000-7000-8000-000000000001',
  host: 'web-1',
  pid: 7,
  instrumentations: ['llm'],
  frameIntervalMs: milliseconds(1000),
};
const call = oneOfEach().find(({ signal }) => signal === 'llm-call') as NervecenterEvent;
const resourceOf = (attributes: Record<string, string | number>) => ({
  attributes: { 'service.name': 'shop', ...attributes },
});

describe('the process of an agent', () => {
  const cases: readonly [string, Record<string, string | number>, boolean][] = [
    ['by its instance', { 'service.instance.id': AGENT.instanceId, 'process.pid': 9 }, true],
    ['by host and pid', { 'host.name': 'web-1', 'process.pid': 7, 'service.instance.id': 'mine' }, true],
    ['by its service, where nothing else is said', {}, true],
    ['not of another host', { 'host.name': 'web-2', 'process.pid': 7 }, false],
    ['not of another pid', { 'host.name': 'web-1', 'process.pid': 8 }, false],
    ['not of another service', { 'service.name': 'search', 'host.name': 'web-1', 'process.pid': 7 }, false],
  ];
  for (const [name, attributes, isSame] of cases) {
    it(`is known ${name}, and its metrics and records repeat what the agent tells`, () => {
      const agents = new AgentProcesses();
      agents.join(AGENT);
      const subjects = new Subjects((source, subject) => agents.tells(source, subject));
      const resource = resourceOf(attributes);
      const { instanceId } = sourceOfResource(resource);
      subjects.meet(instanceId, resource);
      const telling = (nowMs: number) => ({ afterMs: 0, untilMs: 1, nowMs });
      assert.equal(subjects.told(instanceId, 'llm-call', 'metrics', telling(0)), 'held', 'no agent told any');
      agents.told([{ ...call, sender: AGENT }]);
      const repeated = isSame ? 'told' : 'counted';
      assert.equal(subjects.told(instanceId, 'llm-call', 'metrics', telling(GRACE_MS)), repeated);
      assert.equal(
        subjects.told(instanceId, 'llm-call', 'logs', { ...telling(GRACE_MS), untilMs: 2 }),
        isSame ? 'told' : 'held',
      );
      assert.equal(subjects.told(instanceId, 'request', 'metrics', telling(0)), 'held', 'of another subject');
      // Spans know each call, so only those repeat it that are of this process for sure.
      const source = sourceOfResource(resource);
      assert.equal(agents.tellsOfSame(source, 'llm-call'), isSame && Object.keys(attributes).length > 0);
      assert.equal(agents.tellsOfSame(source, 'rag-query'), false, 'of another subject');
    });
  }

  it('is forgotten after ten thousand others', () => {
    const agents = new AgentProcesses();
    agents.join(AGENT);
    agents.told([{ ...call, sender: AGENT }]);
    assert.equal(agents.tells(AGENT, 'llm-call'), true);
    for (let pid = 0; pid < 10_000; pid++) agents.join({ ...AGENT, pid: pid + 10, instanceId: `${pid}` });
    assert.equal(agents.tells(AGENT, 'llm-call'), false);
  });
});

const NANOS = '000000';
function metricsOf(startMs: number, calls: number): string {
  const attributes = ['service.name=app', 'host.name=h', 'process.pid=1'].map((one) => {
    const [key = '', value = ''] = one.split('=');
    return { key, value: key === 'process.pid' ? { intValue: value } : { stringValue: value } };
  });
  const point = {
    attributes: [
      ['gen_ai.operation.name', 'chat'],
      ['gen_ai.provider.name', 'openai'],
      ['gen_ai.request.model', 'gpt-4o'],
    ].map(([key, value]) => ({ key, value: { stringValue: value } })),
    startTimeUnixNano: startMs + NANOS,
    timeUnixNano: startMs + 1000 + NANOS,
    count: calls,
    sum: calls,
    explicitBounds: [],
    bucketCounts: [],
  };
  const histogram = { aggregationTemporality: 1, dataPoints: [point] };
  const metrics = [{ name: 'gen_ai.client.inference.duration', unit: 's', histogram }];
  return JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] });
}

it('calls that an agent sees on the wire and its app tells by an SDK of its own are counted once', async (test) => {
  const dataDir = reachableTempDir();
  const env = { NERVECENTER_STORAGE: 'off', NERVECENTER_OTLP_PORT: '0' };
  const fed = await FedCollector.start({ connectionString: null, env: {} }, dataDir, env);
  test.onTestFinished(async () => {
    await fed.collector.shutdown(1000);
    rmSync(dataDir, { recursive: true, force: true });
  });
  const [, otlp = ''] = /^ {2}otlp +(\S+) \(HTTP\)/m.exec(await fed.collector.ready) ?? [];
  await fed.feed([call, { ...call, id: '018f0000-0000-7000-8000-000000000002' }]);
  await until(() => fed.accepted);
  const send = async (body: string) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${otlp}/v1/metrics`, { method: 'POST', headers, body });
    assert.deepEqual([answer.status, await answer.json()], [200, {}]);
  };
  await send(metricsOf(Date.now(), 2));
  const scraped = await (await fed.get('/metrics')).text();
  assert.match(scraped, /^otlp_gen_ai_client_inference_duration_seconds_count\{.*\} 2$/m, 'shown apart');
  assert.equal((await fed.snapshot()).llm.total_requests, 2);
});

function spanOf(process: Record<string, string | number>, spanId: string): string {
  const attribute = ([key, value]: [string, string | number]) => ({
    key,
    value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
  });
  const span = {
    traceId: 'c'.repeat(32),
    spanId,
    name: 'chat gpt-4o',
    kind: 3,
    startTimeUnixNano: `${Date.now() - 10}${NANOS}`,
    endTimeUnixNano: `${Date.now()}${NANOS}`,
    attributes: Object.entries({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 10,
      'gen_ai.usage.output_tokens': 5,
    }).map(attribute),
  };
  const resource = { attributes: Object.entries({ 'service.name': 'app', ...process }).map(attribute) };
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
}

it('calls that an agent sees and its app sends spans of are counted once; those of other processes count', async (test) => {
  const dataDir = reachableTempDir();
  const env = { NERVECENTER_STORAGE: 'off', NERVECENTER_OTLP_PORT: '0' };
  const fed = await FedCollector.start({ connectionString: null, env: {} }, dataDir, env);
  test.onTestFinished(async () => {
    await fed.collector.shutdown(1000);
    rmSync(dataDir, { recursive: true, force: true });
  });
  const [, otlp = ''] = /^ {2}otlp +(\S+) \(HTTP\)/m.exec(await fed.collector.ready) ?? [];
  await fed.feed([call]);
  await until(() => fed.accepted);
  for (const [index, process] of [
    { 'host.name': 'h', 'process.pid': 1 },
    { 'host.name': 'h', 'process.pid': 2 },
  ].entries()) {
    const body = spanOf(process, `00000000000000a${index}`);
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${otlp}/v1/traces`, { method: 'POST', headers, body });
    assert.deepEqual([answer.status, await answer.json()], [200, {}]);
  }
  // Both are in one trace, so both are decided by then.
  await until(async () => (await fed.snapshot()).llm.total_requests > 1);
  assert.equal((await fed.snapshot()).llm.total_requests, 2);
});

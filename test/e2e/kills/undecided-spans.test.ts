import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { it } from 'vitest';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { ObservedApp } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { callsIn } from './rows.ts';

const CLI = join(import.meta.dirname, '..', '..', '..', 'dist', 'cli.js');
const ENV = {
  NERVECENTER_PORT: '0',
  NERVECENTER_OTLP_PORT: '0',
  NERVECENTER_OTLP_GRPC_PORT: 'off',
};
const PATIENCE_MS = 60_000;
const ENDED_MS = Date.now();

type Attributes = Readonly<Record<string, string | number>>;

/** Number 2 below number 1, half a microsecond before a millisecond is over: rows and ids round otherwise. */
function span(traceId: string, number: number, parent: number | null, attributes: Attributes) {
  const id = (of: number) => of.toString(16).padStart(16, '0');
  return {
    traceId,
    spanId: id(number),
    ...(parent !== null && { parentSpanId: id(parent) }),
    name: 'work',
    kind: 1,
    startTimeUnixNano: `${ENDED_MS - 900 + number}000000`,
    endTimeUnixNano: `${ENDED_MS - number}999500`,
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
    })),
  };
}

function request(...spans: readonly object[]): string {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  return JSON.stringify({
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'openai' }, spans }] }],
  });
}

const chat = (input: number, output: number): Attributes => ({
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o',
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': output,
});
const agent: Attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.usage.input_tokens': 999 };
const retrieval: Attributes = { 'gen_ai.operation.name': 'retrieval', 'gen_ai.data_source.id': 'docs' };

const [WHOLE, LATE_PARENT, LATE_ROLLUP, LATE_CALL] = ['a', 'b', 'c', 'd'].map((digit) =>
  digit.repeat(32),
) as [string, string, string, string];
/** A roll-up, which is told as a call and stored before the kill. */
const TOLD_BEFORE_KILL = request(span(LATE_CALL, 1, null, chat(999, 99)));
const BEFORE_KILL = [
  request(
    span(WHOLE, 1, null, agent),
    span(WHOLE, 2, 1, chat(100, 10)),
    span(WHOLE, 3, 2, chat(100, 10)),
    span(WHOLE, 4, 1, retrieval),
  ),
  request(span(LATE_PARENT, 2, 1, chat(20, 2))),
  request(span(LATE_ROLLUP, 2, 1, chat(3, 1))),
];
const AFTER_KILL = [
  request(span(LATE_PARENT, 1, null, agent)),
  request(span(LATE_ROLLUP, 1, null, chat(3, 1))),
  request(span(LATE_CALL, 2, 1, chat(30, 3)), span(LATE_CALL, 3, 1, chat(40, 4))),
];

const figuresOf = ({ llm, rag }: Snapshot) => ({
  calls: llm.total_requests,
  input: llm.tokens_in_total,
  output: llm.tokens_out_total,
  queries: rag.total_queries,
});
const ROLLUP_ONLY = { calls: 1, input: 999, output: 99, queries: 0 };
const EXPECTED = { calls: 5, input: 193, output: 20, queries: 1 };

it('what spans tell that a killed collector had accepted and not decided is counted once by the next, and corrected', async () => {
  const home = reachableTempDir();
  const start = () => new ObservedApp(CLI, { flags: [], args: ['collector'], dataDir: home, env: ENV });
  const figures = async (of: ObservedApp) => {
    await of.started();
    const snapshot = await of.snapshotWhen(({ pipeline }) => pipeline.totals === 'known');
    return figuresOf(snapshot);
  };
  let collector = start();
  try {
    assert.deepEqual(await figures(collector), { calls: 0, input: 0, output: 0, queries: 0 });
    await send(collector, TOLD_BEFORE_KILL);
    await collector.snapshotWhen(({ llm }) => llm.total_requests === 1);
    await Promise.all(BEFORE_KILL.map((body) => send(collector, body)));
    collector.child.kill('SIGKILL');
    await collector.end();

    collector = start();
    assert.deepEqual(await figures(collector), ROLLUP_ONLY, 'killed in time');
    for (const body of [TOLD_BEFORE_KILL, ...BEFORE_KILL, ...AFTER_KILL]) await send(collector, body);
    await until(() => /counted 4 calls and queries in spans/.test(collector.stderr), {
      timeoutMs: PATIENCE_MS,
      what: 'what was not decided is',
    });
    for (const body of [TOLD_BEFORE_KILL, ...BEFORE_KILL, ...AFTER_KILL]) await send(collector, body);
    await collector.snapshotWhen((snapshot) => isDeepStrictEqual(figuresOf(snapshot), EXPECTED));
    collector.child.kill('SIGTERM');
    assert.equal((await collector.end()).code, 0);

    collector = start();
    assert.deepEqual(await figures(collector), EXPECTED);
    assert.deepEqual(
      await callsIn(join(home, 'data')),
      // Whatever the collectors told of the parts that each had, the innermost ones are the calls.
      [
        { trace_id: WHOLE, prompt_tokens: 100, ended_ms: ENDED_MS - 2 },
        { trace_id: LATE_PARENT, prompt_tokens: 20, ended_ms: ENDED_MS - 1 },
        { trace_id: LATE_ROLLUP, prompt_tokens: 3, ended_ms: ENDED_MS - 1 },
        { trace_id: LATE_CALL, prompt_tokens: 40, ended_ms: ENDED_MS - 2 },
        { trace_id: LATE_CALL, prompt_tokens: 30, ended_ms: ENDED_MS - 1 },
      ],
    );
  } finally {
    await collector.stop();
    rmSync(home, { recursive: true, force: true });
  }
});

/** Until it is accepted, which it is not before it is known what was. */
async function send(collector: ObservedApp, body: string): Promise<void> {
  const url = /http:\/\/\S+(?= \(HTTP\))/.exec(collector.stderr)?.[0];
  const headers = { 'content-type': 'application/json' };
  await until(async () => (await fetch(`${url}/v1/traces`, { method: 'POST', headers, body })).ok, {
    timeoutMs: PATIENCE_MS,
    what: 'a request is accepted',
  });
}

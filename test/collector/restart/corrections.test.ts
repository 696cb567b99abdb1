import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, it } from 'vitest';
import { MINUTE_MS } from '../../../src/core/units.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { FedCollector } from './fed-collector.ts';

const OTLP = { NERVECENTER_OTLP_PORT: '0', NERVECENTER_OTLP_GRPC_PORT: 'off' };
/** In a minute that is over, so that it is rolled up before it is corrected. */
const ENDED_MS = Date.now() - 3 * MINUTE_MS;
const PATIENCE = { timeoutMs: 60_000 };
let server: TestPostgres;
let dataDir: string;
beforeAll(async () => {
  server = await startPostgres();
  dataDir = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

type Attributes = Readonly<Record<string, string | number>>;

function span(trace: string, number: number, parent: number | null, attributes: Attributes) {
  const id = (of: number) => of.toString(16).padStart(16, '0');
  return {
    traceId: trace.repeat(32),
    spanId: id(number),
    ...(parent !== null && { parentSpanId: id(parent) }),
    name: 'work',
    kind: 1,
    startTimeUnixNano: `${ENDED_MS - 900 + number}000000`,
    endTimeUnixNano: `${ENDED_MS - number}000000`,
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
    })),
  };
}

const chat = (model: string, input: number): Attributes => ({
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': model,
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': 1,
});

const iso = (ms: number): string => new Date(ms).toISOString();

/** A chain that says what all of its calls used, and, later, the calls and for whom they were. */
const CHAIN = span('a', 2, 1, chat('a-chain', 999));
const LATE = [
  span('a', 3, 2, chat('gpt-4o', 30)),
  span('a', 4, 2, chat('gpt-4o', 40)),
  span('a', 1, null, { 'user.email': 'ann@example.com' }),
];
const MARK = span('b', 1, null, chat('gpt-4o', 5));

async function send(url: string, ...spans: readonly object[]): Promise<void> {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const body = JSON.stringify({
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'openai' }, spans }] }],
  });
  const headers = { 'content-type': 'application/json' };
  const isTaken = async () => (await fetch(`${url}/v1/traces`, { method: 'POST', headers, body })).ok;
  await until(isTaken, { ...PATIENCE, what: 'the request is accepted' });
}

type Query = <T extends object>(text: string) => Promise<T[]>;

const CALLS =
  'SELECT model, prompt_tokens AS tokens, user_email AS for FROM enterprise.llm_call_metrics ORDER BY tokens';
const ROLLED_UP = `SELECT coalesce(sum(count), 0)::int AS calls FROM enterprise.rollup_minute
  WHERE signal = 'llm-call' AND field = 'value' AND dimension = 'model'`;
const COUNTER =
  /^gen_ai_client_inference_usage_input_tokens_total\{.*?gen_ai_request_model="(.*?)".*\} (\d+)/gm;

/** All that a collector says of model calls, in every place. */
class Shown {
  readonly #fed: FedCollector;
  readonly #sql: Query;

  constructor(fed: FedCollector, sql: Query) {
    this.#fed = fed;
    this.#sql = sql;
  }

  readonly figures = async () => {
    const { llm } = await this.#fed.snapshot();
    return [
      llm.total_requests,
      llm.tokens_in_total,
      llm.by_model.map(({ model, requests }) => [model, requests]),
    ];
  };
  readonly rows = () => this.#sql(CALLS);
  readonly rolledUp = () => this.#sql(ROLLED_UP);
  readonly counters = async () => {
    const text = await (await this.#fed.get('/metrics')).text();
    return [...text.matchAll(COUNTER)].map(([, model, tokens]) => [model, Number(tokens)]);
  };
  readonly history = async () => {
    const range = `from=${iso(ENDED_MS - MINUTE_MS)}&to=${iso(ENDED_MS + MINUTE_MS)}`;
    const answer = await this.#fed.get(`/api/metrics/history?signal=llm-call&measure=tokens_in&${range}`);
    const { series } = (await answer.json()) as { series: { points: [string, number | null][] }[] };
    return series.map(({ points }) => points.reduce((sum, [, tokens]) => sum + (tokens ?? 0), 0));
  };
}

function becomes(wanted: unknown, of: () => Promise<unknown>, what: string): Promise<unknown> {
  return until(async () => isDeepStrictEqual(await of(), wanted), { ...PATIENCE, what });
}

it('a roll-up that was counted, stored and rolled up is corrected by its calls everywhere, and sent again they change nothing', async () => {
  const database = await server.createDatabase();
  const sql: Query = (text) => server.using(database, async (client) => (await client.query(text)).rows);
  let fed = await FedCollector.start(database, dataDir, OTLP);
  try {
    const shown = new Shown(fed, sql);
    const [, url = ''] = /^ {2}otlp +(\S+) \(HTTP\)/m.exec(await fed.collector.ready) ?? [];
    await send(url, CHAIN);
    await becomes([1, 999, [['a-chain', 1]]], shown.figures, 'the roll-up is counted');
    await becomes([{ calls: 1 }], shown.rolledUp, 'it is rolled up');
    assert.deepEqual(await shown.counters(), [['a-chain', 999]]);

    await send(url, ...LATE);
    await becomes([2, 70, [['gpt-4o', 2]]], shown.figures, 'its calls are counted instead');
    const calls = [30, 40].map((tokens) => ({ model: 'gpt-4o', tokens, for: 'ann@example.com' }));
    await becomes(calls, shown.rows, 'they have rows, and the roll-up has none');
    await becomes([{ calls: 2 }], shown.rolledUp, 'history is made anew');
    assert.deepEqual(await shown.history(), [70]);
    const counters = [
      ['a-chain', 999],
      ['gpt-4o', 70],
    ];
    assert.deepEqual(await shown.counters(), counters, 'no counter falls');

    for (const one of [CHAIN, ...LATE]) await send(url, one);
    await send(url, MARK);
    await becomes([3, 75, [['gpt-4o', 3]]], shown.figures, 'nothing but the new call is counted');
    await fed.collector.shutdown(20_000);
    fed = await FedCollector.start(database, dataDir, OTLP);
    const next = new Shown(fed, sql);
    await becomes([3, 75, [['gpt-4o', 3]]], next.figures, 'the next start says the same');
    assert.deepEqual(await next.rows(), [{ model: 'gpt-4o', tokens: 5, for: null }, ...calls]);
  } finally {
    await fed.collector.shutdown(20_000);
  }
});

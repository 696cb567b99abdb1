import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { Recorder } from '../../../src/agent/api/recorder.ts';
import { Attempts } from '../../../src/agent/llm/attempts.ts';
import { BackgroundCalls } from '../../../src/agent/llm/background.ts';
import { LlmCall } from '../../../src/agent/llm/call.ts';
import { callLabelsOf } from '../../../src/agent/llm/call-labels.ts';
import { recognise } from '../../../src/agent/llm/dialects/index.ts';
import { createPricer } from '../../../src/collector/pricing/pricer.ts';
import { eventsOf } from '../../../src/collector/receivers/shapes.ts';
import { RouteBound } from '../../../src/core/http/served.ts';
import { LLM_COST, LLM_INFERENCE_DURATION } from '../../../src/core/llm/call-instruments.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import { type LlmCallEvent, llmCall, type PricedLlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import { measured, seriesOf } from '../../support/measurements.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { toRow } from '../../support/rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'nervecenter-models-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MODELS = 150;
const priceOf = (i: number) => i + 1;
const HOST = '127.0.0.1';

function callOverWire(agent: RecordingAgent, attempts: Attempts, model: string): void {
  const path = '/v1/chat/completions';
  const recognised = recognise(HOST, path, () => true);
  assert.ok(recognised);
  const background = new BackgroundCalls(agent);
  const options = {
    agent,
    labels: callLabelsOf(agent),
    attempts,
    background,
    recognised,
    context: undefined,
  };
  const call = new LlmCall(options, { host: HOST, port: 1, path, method: 'POST', header: () => null });
  call.sent(Buffer.from(JSON.stringify({ model, messages: [] })));
  call.headers(200, () => null);
  const usage = { prompt_tokens: 1_000_000, completion_tokens: 0 };
  call.received(Buffer.from(JSON.stringify({ choices: [], usage })));
  call.completed();
}

/** 150 calls of as many models, the first half seen on the wire and the second recorded by the app. */
function calls(): LlmCallEvent[] {
  const agent = new RecordingAgent();
  const attempts = new Attempts(agent);
  const recorder = new Recorder({
    agent,
    routes: new RouteBound(),
    stageNames: new StageNames(),
    onInvalid: (_name, field) => assert.fail(field),
    onRefused: () => assert.fail('refused'),
  });
  for (let i = 0; i < MODELS; i++) {
    const model = `m${i}`;
    if (i < MODELS / 2) callOverWire(agent, attempts, model);
    else recorder.llmCall({ model, provider: 'openai', latencyMs: 1, tokensIn: 1_000_000, tokensOut: 0 });
  }
  return agent.events as LlmCallEvent[];
}

test('of 150 models of a process each row has its name and its own price, and so have metrics while they may change hands', () => {
  const path = join(folder, 'prices.json');
  const prices = Array.from({ length: MODELS }, (_, i) => [`m${i}`, { input: priceOf(i), output: 0 }]);
  writeFileSync(path, JSON.stringify(Object.fromEntries(prices)));
  const pricer = createPricer({ overridesPath: path, log: (_component, message) => assert.fail(message) });

  const received = eventsOf(calls())?.usable as LlmCallEvent[];
  const priced = received.map((event): PricedLlmCallEvent => ({ ...event, cost: pricer.price(event) }));
  const rows = priced.map((event) => toRow(llmCall, event));
  const points = measured(priced);
  const modelsOf = (metric: string) =>
    new Set(seriesOf(points, metric).map((attributes) => attributes['gen_ai.request.model']));
  const series = modelsOf(LLM_INFERENCE_DURATION.name);
  assert.deepEqual(modelsOf(LLM_COST.name), series, 'cost has the label of the call');
  const costUsd = points.reduce(
    (sum, point) => (point.name === LLM_COST.name && point.kind === 'counter' ? sum + point.value : sum),
    0,
  );

  const columns = llmCall.columns.map(({ name }) => name);
  const cell = (row: readonly unknown[], name: string) => row[columns.indexOf(name)];
  const expected = Array.from({ length: MODELS }, (_, i) => [`m${i}`, priceOf(i)]);
  assert.deepEqual(
    rows.map((row) => [cell(row, 'model'), cell(row, 'cost_usd')]),
    expected,
  );
  assert.equal(series.size, MODELS);
  assert.equal(costUsd, (MODELS * (MODELS + 1)) / 2);
});

test('providers and types of errors that find no place are other to metrics alone', () => {
  const agent = new RecordingAgent();
  const labels = callLabelsOf(agent);
  // So many have come at once that nobody takes the places of others any more.
  for (let i = 0; i < 2000; i++) labels.of({ provider: `p${i}`, model: 'm', errorType: `e${i}` });
  const call = {
    ...(calls()[0] as LlmCallEvent),
    provider: 'late',
    outcome: 'error',
    errorType: 'odd',
  } as const;
  const event = { ...call, ...labels.of(call) };
  assert.deepEqual([event.provider, event.errorType], ['late', 'odd']);
  assert.deepEqual(seriesOf(measured([event]), LLM_INFERENCE_DURATION.name), [
    {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'other',
      'gen_ai.request.model': 'm0',
      'error.type': 'other',
    },
  ]);
  assert.equal(labels.of(call).labels, undefined, 'who comes again has a name');
  assert.ok(agent.folded.includes('gen_ai.provider.name') && agent.folded.includes('error.type'));
});

test('labels of another process are believed only where they are text', () => {
  const [event] = calls();
  for (const labels of [null, 'other', { model: 5 }, { errorType: null }, { provider: '' }]) {
    assert.deepEqual(eventsOf([{ ...event, labels }])?.refused, 1, JSON.stringify(labels));
  }
  for (const labels of [undefined, {}, { model: 'other' }]) {
    assert.deepEqual(eventsOf([{ ...event, labels }])?.refused, 0, JSON.stringify(labels));
  }
});

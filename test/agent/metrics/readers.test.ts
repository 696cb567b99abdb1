import assert from 'node:assert/strict';
import { it } from 'vitest';
import { startReaders } from '../../../src/agent/metrics/readers.ts';
import { readConfig } from '../../../src/config/config.ts';
import { LLM_CHUNK_GAPS, LLM_INPUT_TOKENS } from '../../../src/core/llm/call-instruments.ts';
import type { SignalName } from '../../../src/core/signals/index.ts';
import { counterOf, histogramOf } from '../../../src/core/signals/instruments.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { collected } from './collected.ts';

it('what the app records itself of calls that are seen on the wire has another name, and nothing else has', async () => {
  const told = new Set<SignalName>();
  const own = new DeltaMeterProvider();
  const { provider, frames, stop } = startReaders(own, {
    config: readConfig({}, '.'),
    appDirectory: null,
    say: () => {},
    tells: (signal) => told.has(signal),
  });
  const meter = provider.getMeter('app');
  const names = async () => {
    counterOf(meter, LLM_INPUT_TOKENS).add(7);
    meter.createCounter('orders').add(1);
    histogramOf(own.getMeter(), LLM_CHUNK_GAPS).record(0.1);
    return (await collected(frames)).map(({ name }) => name).sort();
  };
  const others = ['orders', LLM_CHUNK_GAPS.name];
  assert.deepEqual(
    await names(),
    [LLM_INPUT_TOKENS.name, ...others].sort(),
    'nobody else tells of the calls',
  );
  told.add('rag-query');
  assert.deepEqual(await names(), [LLM_INPUT_TOKENS.name, ...others].sort());
  told.add('llm-call');
  assert.deepEqual(await names(), [`app.${LLM_INPUT_TOKENS.name}`, ...others].sort());
  stop();
});

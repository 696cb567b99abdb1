import assert from 'node:assert/strict';
import { DataPointType } from '@opentelemetry/sdk-metrics';
import { it } from 'vitest';
import { SeriesSums } from '../../../../../src/collector/sinks/otlp/metrics/series-sums.ts';
import { LLM_COST } from '../../../../../src/core/llm/call-instruments.ts';
import { pointOf } from '../../../live/agents.ts';

const START_MS = 1_700_000_000_000;
const MODELS = 200;

const cost = (model: string) =>
  pointOf(LLM_COST, 1, { 'gen_ai.provider.name': 'p', 'gen_ai.request.model': model });

it('sums of names that give up their places go on as other, and who comes back has a start of its own', () => {
  const sums = new SeriesSums(
    { temporality: 'cumulative', histograms: 'base2_exponential_bucket_histogram' },
    START_MS,
  );
  for (let i = 0; i <= MODELS; i++) sums.add([cost(`m${i}`)], START_MS + i);
  const backMs = START_MS + 10_000;
  sums.add([cost('m0')], backMs);
  const [metric, ...others] = sums.collect(START_MS + 20_000);
  assert.ok(metric?.dataPointType === DataPointType.SUM && others.length === 0);
  const byModel = new Map(
    metric.dataPoints.map((point) => [point.attributes['gen_ai.request.model'], point]),
  );
  assert.equal(byModel.size, MODELS + 1);
  assert.deepEqual([byModel.get('other')?.value, byModel.get('m0')?.value, byModel.has('m1')], [2, 1, false]);
  assert.deepEqual(byModel.get('m2')?.startTime, [START_MS / 1000, 0]);
  assert.deepEqual(byModel.get('m0')?.startTime, [backMs / 1000, 0]);
  assert.equal(
    metric.dataPoints.reduce((sum, { value }) => sum + value, 0),
    MODELS + 2,
  );
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { GenaiApp } from '../support/genai/genai-app.ts';
import { seriesOf } from '../support/otlp/conventions/metrics.ts';
import type { Attributes, ReceivedMetric } from '../support/otlp/received.ts';
import { OtlpReceiver } from '../support/otlp/receiver.ts';
import { until } from '../support/poll.ts';
import { VictoriaMetrics } from './victoria-metrics.ts';

const PATIENCE = { timeoutMs: 60_000 };
const QUESTIONS = 10;
const DURATION = 'http_server_request_duration_seconds';
const UNITS: Readonly<Record<string, string>> = {
  s: '_seconds',
  By: '_bytes',
  'By/s': '_bytes_per_second',
  USD: '_USD',
};
/** What was measured before the last request that the app got. */
const SETTLED = /^gen_ai\.|^http\.|^nervecenter\.(llm|rag)\./;

/** As Prometheus spells names of OpenTelemetry. */
function spelled({ name, unit, kind, isMonotonic }: ReceivedMetric): string {
  const suffix = unit === '1' && kind === 'gauge' ? '_ratio' : (UNITS[unit] ?? '');
  return `${name.replaceAll('.', '_')}${suffix}${kind === 'sum' && isMonotonic ? '_total' : ''}`;
}

function labelsOf(attributes: Attributes): readonly (readonly [key: string, value: string])[] {
  return Object.entries(attributes).map(([key, value]) => [key.replaceAll('.', '_'), String(value)]);
}

describe("a metrics database from Debian, which gets an app's metrics", () => {
  let database: VictoriaMetrics;
  let receiver: OtlpReceiver;
  let directory: string;
  let app: GenaiApp;
  const asked = async (promql: string) => (await database.value(promql)) ?? 0;
  const total = (series: string) => asked(`sum(${series})`);
  beforeAll(async () => {
    [database, receiver] = await Promise.all([VictoriaMetrics.start(), OtlpReceiver.start()]);
    directory = mkdtempSync(join(tmpdir(), 'nervecenter-targets-'));
    const metrics = { signals: ['metrics'], metricsIntervalMs: 1000 };
    const targets = [
      { ...metrics, name: 'strict', endpoint: receiver.url },
      { ...metrics, name: 'database', endpoint: `${database.url}/opentelemetry` },
    ];
    writeFileSync(join(directory, 'targets.json'), JSON.stringify(targets));
    app = await GenaiApp.start({ NERVECENTER_OTLP_TARGETS: join(directory, 'targets.json') });
    for (let i = 0; i < QUESTIONS; i++) assert.equal(await app.ask('/ask/lease'), 200);
    assert.equal(await app.ask('/refused'), 503);
    await until(async () => (await total(`${DURATION}_count`)) === QUESTIONS + 1, PATIENCE);
    await until(() => {
      const sent = receiver.metrics.findLast(({ name }) => name === 'http.server.request.duration');
      const counts = (sent?.points ?? []).map(({ count }) => Number(count));
      return counts.reduce((all, one) => all + one, 0) === QUESTIONS + 1;
    }, PATIENCE);
  });
  afterAll(async () => {
    await app?.end();
    await receiver?.stop();
    await database?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('counts requests, failures and tokens as they were', async () => {
    receiver.assertConventions();
    assert.equal(await total(`${DURATION}_count{error_type="503", url_scheme="http"}`), 1);
    for (const { model, usage } of GenaiApp.calls()) {
      const series = model.startsWith('text')
        ? 'gen_ai_client_embeddings_operation_input_tokens_sum'
        : 'gen_ai_client_inference_usage_input_tokens_total';
      const of = `{gen_ai_request_model="${model}", service_name="rag-app"}`;
      await until(async () => (await total(series + of)) === QUESTIONS * usage.prompt, PATIENCE);
    }
  });

  it('has every metric that was sent, under the name that /metrics has, with its labels', async () => {
    const sent = new Map(receiver.metrics.map((metric) => [metric.name, metric]));
    assert.ok(sent.size > 20);
    for (const metric of sent.values()) {
      const name = metric.kind.endsWith('istogram') ? `${spelled(metric)}_count` : spelled(metric);
      const found = await until(async () => {
        const series = await database.query(`last_over_time(${name}[1h])`);
        return series.length > 0 ? series : null;
      }, PATIENCE);
      const known = new Set(found.map(({ labels }) => seriesOf(labels)));
      for (const { attributes } of metric.points) {
        const labels = labelsOf(attributes);
        const fits = found.some((one) => labels.every(([key, value]) => one.labels[key] === value));
        assert.ok(fits, `${name} ${JSON.stringify(labels)} among ${[...known].join('\n')}`);
      }
    }
  });

  it('has sums as they were sent last', async () => {
    const last = new Map(receiver.metrics.map((metric) => [metric.name, metric]));
    for (const metric of [...last.values()].filter(
      ({ kind, name }) => kind === 'sum' && SETTLED.test(name),
    )) {
      for (const { attributes, asInt, asDouble } of metric.points) {
        const had = await asked(
          `${spelled(metric)}{${labelsOf(attributes).map(([key, value]) => `${key}="${value}"`)}}`,
        );
        const sent = Number(asInt ?? asDouble);
        assert.ok(Math.abs(had - sent) <= 1e-9 * sent, `${metric.name}: ${had}, sent ${sent}`);
      }
    }
  });
});

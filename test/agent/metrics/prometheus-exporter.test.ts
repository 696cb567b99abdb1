import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { observationsMeasure } from '../../../src/agent/metrics/observations.ts';
import { wantsPrometheus } from '../../../src/agent/metrics/prometheus-exporter.ts';
import { type MetricReaders, startReaders } from '../../../src/agent/metrics/readers.ts';
import { readConfig } from '../../../src/config/config.ts';
import { HistogramDelta } from '../../../src/core/histogram.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { requestEvent } from '../../collector/sinks/postgres/events.ts';
import { freePort } from '../../support/free-port.ts';
import { modelCall } from '../../support/model-calls.ts';
import { until } from '../../support/poll.ts';
import { collected } from './collected.ts';

const HERE = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
/** Of a checkout: the SDK lies beside it, and it is ours. */
const CHECKOUT = import.meta.dirname;

describe('OTEL_METRICS_EXPORTER', () => {
  const asked = (value: string, env: Record<string, string> = {}, appDirectory: string | null = null) => {
    const said: string[] = [];
    const config = readConfig({ OTEL_METRICS_EXPORTER: value, ...env }, HERE);
    const wanted = wantsPrometheus(config, appDirectory, (text) => said.push(text));
    for (const line of said) assert.match(line, /^\[nervecenter\] OTEL_METRICS_EXPORTER=.*\.\n$/);
    return { wanted, said: said.join('') };
  };
  const elsewhere = { OTEL_EXPORTER_PROMETHEUS_PORT: '9465' };

  it('unset or none asks for nothing', () => {
    for (const value of ['', 'none', 'none,none']) {
      assert.deepEqual(asked(value), { wanted: false, said: '' });
    }
  });

  it('prometheus asks for the exporter, in a checkout too', () => {
    assert.deepEqual(asked('prometheus', elsewhere), { wanted: true, said: '' });
    assert.deepEqual(asked('prometheus', { NERVECENTER_PORT: '0' }, CHECKOUT), { wanted: true, said: '' });
  });

  it("on the dashboard's port is refused in a line that says what to set", () => {
    const { wanted, said } = asked('prometheus');
    assert.equal(wanted, false);
    assert.match(said, /port 9464 is the dashboard's.* Set OTEL_EXPORTER_PROMETHEUS_PORT/);
  });

  it('with others says which are left out', () => {
    assert.deepEqual(asked('otlp'), { wanted: false, said: '' });
    assert.deepEqual(asked('otlp,prometheus', elsewhere), { wanted: true, said: '' });
    assert.match(asked('console').said, /knows prometheus, otlp and none, console is left out/);
    const several = asked('console,prometheus,nonsense', elsewhere);
    assert.equal(several.wanted, true);
    assert.match(several.said, /console, nonsense is left out/);
  });
});

describe("the exporter in the app's process", () => {
  let readers: MetricReaders | undefined;
  afterEach(() => readers?.stop());

  const start = async (env: Record<string, string> = {}) => {
    const port = Number(env['OTEL_EXPORTER_PROMETHEUS_PORT'] ?? (await freePort()));
    const said: string[] = [];
    const own = new DeltaMeterProvider();
    const config = readConfig(
      {
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_SERVICE_NAME: 'shop',
        OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
        NERVECENTER_PORT: '0',
        ...env,
      },
      HERE,
    );
    const started = startReaders(own, {
      config,
      appDirectory: null,
      say: (text) => said.push(text),
      tells: () => false,
    });
    readers = started;
    const fetched = async (path = '/metrics') => fetch(`http://127.0.0.1:${port}${path}`);
    const scrape = async () => until(async () => (await fetched()).text());
    return { said, own, port, fetched, scrape, ...started };
  };

  it("shows the app's instruments and ours, with the service's name", async () => {
    const { own, provider, frames, scrape, export: exported } = await start();
    provider.getMeter('shop').createCounter('orders', { description: 'Orders.' }).add(3, { kind: 'gift' });
    const work = own.getMeter().createHistogram('work.duration', { unit: 's', description: 'Work.' });
    work.record(0.3, { route: '/a' });
    exported?.(requestEvent({ route: '/events' }));
    const before = await scrape();
    assert.match(before, /^target_info\{service_name="shop"\} 1$/m);
    assert.match(before, /^# HELP orders_total Orders\.$/m);
    assert.match(before, /^orders_total\{kind="gift",otel_scope_name="shop"\} 3$/m);
    assert.match(before, /^work_duration_bucket\{route="\/a",otel_scope_name="nervecenter",le="0\.5"\} 1$/m);
    assert.match(before, /^http_server_request_duration_count\{.*http_route="\/events".*\} 1$/m);
    const points = await collected(frames);
    assert.deepEqual(points.map(({ name }) => name).sort(), ['orders', 'work.duration']);
    work.record(0.3, { route: '/a' });
    assert.match(await scrape(), /^work_duration_count\{route="\/a",otel_scope_name="nervecenter"\} 2$/m);
    assert.equal((await collected(frames)).find(({ name }) => name === 'work.duration')?.kind, 'histogram');
  });

  it('shows model calls by their older names as well where it is asked to', async () => {
    const { own, export: exported, scrape, frames } = await start({ NERVECENTER_SEMCONV: 'dup' });
    const gaps = new HistogramDelta();
    gaps.record(0.05);
    observationsMeasure(own.getMeter()).chunkGaps(gaps.take(), { model: 'm' });
    for (const operation of ['chat', 'embeddings', 'rerank']) exported?.(modelCall({ operation }));
    const text = await scrape();
    const count = (name: string, ...labels: string[]) =>
      [...text.matchAll(new RegExp(`^gen_ai_client_${name}_count\\{(.*)\\} (\\d+)$`, 'gm'))]
        .filter(([, list = '']) => labels.every((label) => list.includes(label)))
        .reduce((sum, [, , value]) => sum + Number(value), 0);
    assert.deepEqual(
      ['inference_duration', 'embeddings_duration', 'operation_duration'].map((name) => count(name)),
      [1, 1, 3],
    );
    assert.deepEqual(
      ['input', 'output'].map((type) => count('token_usage', `gen_ai_token_type="${type}"`)),
      [3, 3],
    );
    for (const side of ['inference', 'operation']) assert.equal(count(`${side}_time_per_output_chunk`), 1);
    assert.equal(text.match(/^# TYPE gen_ai_client_operation_duration /gm)?.length, 1);
    assert.deepEqual(
      (await collected(frames)).map(({ name }) => name),
      ['gen_ai.client.inference.time_per_output_chunk'],
      'frames know today’s names only',
    );
  });

  it('has one page', async () => {
    const { fetched, scrape } = await start();
    await scrape();
    assert.equal((await fetched('/')).status, 404);
    assert.equal((await fetched('/metrics?name=x')).status, 200);
  });

  it('prints what an app should not have put into its metrics, and throws nothing', async () => {
    const { provider, scrape } = await start();
    const meter = provider.getMeter('odd');
    const circle: unknown[] = [];
    const odd = { description: 5, unit: { x: 1 } } as unknown as object;
    meter.createCounter('odd', odd).add(1, { circle, list: ['a', 'b'], yes: true } as never);
    circle.push(circle);
    meter.createObservableGauge('broken').addCallback(() => {
      throw new Error('a mistake of the app');
    });
    const text = await scrape();
    assert.match(text, /^# HELP odd_total 5$/m);
    assert.match(text, /^odd_total\{circle="",list="\[\\"a\\",\\"b\\"\]",yes="true",/m);
  });

  it('says in one line that its port is taken, and nothing else happens', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { readonly port: number };
    const { said } = await start({ OTEL_EXPORTER_PROMETHEUS_PORT: String(port) });
    await until(() => said.length > 0);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /^\[nervecenter\] OTEL_METRICS_EXPORTER=prometheus on .*EADDRINUSE.*\n$/);
    other.close();
  });

  it('ends when stopped, whenever that is', async () => {
    const { port, scrape, stop } = await start();
    await scrape();
    stop();
    await until(async () =>
      fetch(`http://127.0.0.1:${port}/metrics`).then(
        () => false,
        () => true,
      ),
    );
    const early = await start();
    early.stop();
    early.stop();
    assert.deepEqual(early.said, []);
  });
});

process.on('exit', () => rmSync(HERE, { recursive: true, force: true }));

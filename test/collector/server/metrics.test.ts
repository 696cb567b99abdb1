import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'vitest';
import type { MetricFamily } from '../../../src/collector/metric-family.ts';
import { until } from '../../support/poll.ts';
import { AUTHORIZED, startServer } from './fixture.ts';

const FAMILY: MetricFamily = {
  name: 'test.requests',
  unit: '{request}',
  description: 'Requests.',
  kind: 'counter',
  series: [{ attributes: { route: '/a' }, value: 3 }],
};

function large(count: number): MetricFamily {
  const series = Array.from({ length: count }, (_, i) => ({
    attributes: { 'http.route': `/route/${i}`, 'http.request.method': 'GET' },
    count: 10,
    sum: 1,
    zeroCount: 0,
    buckets: { offset: -80, counts: [5, ...new Array(111).fill(0), 5] },
  }));
  return { name: 'large', unit: 's', description: 'Large.', kind: 'histogram', series };
}

describe('/metrics', () => {
  it('is Prometheus text by default and OpenMetrics when asked for', async (test) => {
    const { send } = await startServer(test, { sources: { metricFamilies: () => [FAMILY] } });
    const plain = await send('/metrics');
    assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(plain.text, /^# TYPE test_requests_total counter\ntest_requests_total\{route="\/a"\} 3$/m);
    const headers = { accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' };
    const open = await send('/metrics', { headers });
    assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.match(open.text, /^# TYPE test_requests counter\n/m);
    assert.ok(open.text.endsWith('# EOF\n'));
  });

  it('is Protocol Buffers for who can take native histograms', async (test) => {
    const { send } = await startServer(test, { sources: { metricFamilies: () => [FAMILY] } });
    const type =
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores';
    const { headers, text } = await send('/metrics', {
      headers: { accept: `${type.replace('underscores', 'allow-utf-8')};q=0.6,text/plain;q=0.2` },
    });
    assert.equal(headers['content-type'], type);
    assert.equal(headers['vary'], 'Accept');
    assert.match(text, /test_requests_total/);
  });

  it('includes what the server itself counts', async (test) => {
    const { send } = await startServer(test);
    await send('/api/metrics/health', { headers: { host: 'evil.example' } });
    const { text } = await send('/metrics');
    assert.match(text, /^nervecenter_server_viewers 0$/m);
    assert.match(text, /^nervecenter_server_refusals_total\{reason="host"\} 1$/m);
  });

  it('asks for the token, or is not there at all, when configured so', async (test) => {
    const guarded = await startServer(test, { env: { NERVECENTER_PROMETHEUS: 'token' } });
    assert.equal((await guarded.send('/metrics')).status, 401);
    assert.equal((await guarded.send('/metrics', { headers: AUTHORIZED })).status, 200);
    const off = await startServer(test, { env: { NERVECENTER_PROMETHEUS: 'off' } });
    assert.equal((await off.send('/metrics', { headers: AUTHORIZED })).status, 404);
  });

  it('lets others have their turn during a large scrape', async (test) => {
    const families = [large(10_000)];
    const { send } = await startServer(test, { sources: { metricFamilies: () => families } });
    let done = false;
    const scrape = send('/metrics').finally(() => {
      done = true;
    });
    let answeredMeanwhile = 0;
    while (!done) {
      await send('/api/metrics/health');
      if (!done) answeredMeanwhile++;
    }
    const { text } = await scrape;
    assert.match(text, /^large_seconds_count\{.*\/route\/9999"\} 10$/m);
    assert.ok(answeredMeanwhile >= 3, `${answeredMeanwhile} answers during the scrape`);
  });

  it('is a failure, not half a truth, when the source fails', async (test) => {
    const failing = function* (): Generator<MetricFamily> {
      yield large(500);
      throw new Error('broken');
    };
    const { send } = await startServer(test, { sources: { metricFamilies: failing } });
    await assert.rejects(send('/metrics'), { code: 'ECONNRESET' });
    const metricFamilies = () => {
      throw new Error('broken at once');
    };
    const other = await startServer(test, { sources: { metricFamilies } });
    assert.equal((await other.send('/metrics')).status, 503);
  });

  it('is refused past four scrapes at once, and freed when their clients go', async (test) => {
    const families = [large(10_000)];
    const { send, port } = await startServer(test, { sources: { metricFamilies: () => families } });
    const stalled = Array.from({ length: 4 }, () => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      );
      socket.on('error', () => {});
      socket.pause();
      return socket;
    });
    test.onTestFinished(() => {
      for (const socket of stalled) socket.destroy();
    });
    const refused = await until(async () => {
      const answer = await send('/metrics', { method: 'HEAD' });
      return answer.status === 503 ? answer : null;
    });
    assert.equal(refused.headers['retry-after'], '5');
    for (const socket of stalled) socket.destroy();
    await until(async () => (await send('/metrics', { method: 'HEAD' })).status === 200);
  });
});

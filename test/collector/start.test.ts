import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { WITHOUT_OTLP } from '../support/free-port.ts';
import { until } from '../support/poll.ts';

const TOKEN = 'a-token-long-enough-for-a-test';
const VIEWERS = 100;

/** Every field of the documented snapshot, by path. */
const FIELDS = `schema_version seq boot_id service window_seconds timestamp uptime_seconds
  system.cpu_percent system.memory_percent system.memory_used_gb system.memory_total_gb system.disk_percent
  system.disk_used_gb system.process_memory_mb system.process_threads system.cpu_count system.load_1m
  system.disk_total_gb system.heap_used_mb system.event_loop_p99_ms system.event_loop_utilization_percent
  system.network_rx_bytes_per_second system.network_tx_bytes_per_second system.container_limited
  websocket.connections_active websocket.connections_total websocket.messages_in websocket.messages_out
  websocket.bytes_in websocket.bytes_out websocket.session_avg_seconds
  rag.total_queries rag.latency_avg_ms rag.latency_p95_ms rag.embedding_avg_ms rag.search_avg_ms rag.avg_chunks
  rag.zero_chunk_rate rag.chunks_told_total rag.chunks_told_window rag.latency_p50_ms rag.latency_p99_ms rag.error_count rag.window_count rag.stages
  cache.rag_hit_rate cache.embedding_hit_rate cache.rag_hits cache.rag_misses cache.embedding_hits
  cache.embedding_misses cache.caches
  llm.total_requests llm.latency_avg_ms llm.latency_p95_ms llm.first_token_avg_ms llm.tokens_in_total
  llm.tokens_out_total llm.cost_total_usd llm.error_count llm.latency_p50_ms llm.latency_p99_ms
  llm.first_token_p95_ms llm.tokens_cached_total llm.tokens_reasoning_total llm.unpriced_requests
  llm.unpriced_models llm.cache_savings_usd
  llm.estimated_requests llm.rate_limited_requests llm.chunk_gap_p95_ms llm.aborted_requests llm.cost_per_hour_usd llm.by_model
  api.endpoints api.requests_total api.errors_total api.requests_per_second api.overflow_endpoints
  instances pipeline.events_accepted pipeline.events_stored pipeline.events_queued pipeline.events_in_flight
  pipeline.events_dropped pipeline.events_dropped_window pipeline.durable pipeline.labels_folded pipeline.labels_folded_by pipeline.observations_given_up pipeline.spool_bytes pipeline.storage
  pipeline.totals pipeline.prices_version`
  .trim()
  .split(/\s+/);

function pathsOf(snapshot: Snapshot): string[] {
  const sections = new Set(['system', 'websocket', 'rag', 'cache', 'llm', 'api', 'pipeline']);
  return Object.entries(snapshot).flatMap(([name, value]) =>
    sections.has(name) ? Object.keys(value as object).map((field) => `${name}.${field}`) : [name],
  );
}

describe('a collector alone', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  let collector: Collector;
  let stringified = 0;
  const stringify = JSON.stringify;
  beforeAll(async () => {
    // Counts the serialisations of snapshots, whoever makes them.
    JSON.stringify = ((value: unknown, ...rest: []) => {
      if (typeof value === 'object' && value !== null && 'schema_version' in value) stringified++;
      return stringify(value, ...rest);
    }) as typeof JSON.stringify;
    const config = readConfig(
      {
        NERVECENTER_PORT: '0',
        ...WITHOUT_OTLP,
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_INTERVAL_MS: '1000',
        NERVECENTER_ADMIN_TOKEN: TOKEN,
        NERVECENTER_DATA_DIR: dataDir,
      },
      dataDir,
    );
    collector = await startCollector({ config, log: () => {}, host: null });
  });
  afterAll(async () => {
    await collector.shutdown(1000);
    JSON.stringify = stringify;
    rmSync(dataDir, { recursive: true, force: true });
  });

  const viewer = () =>
    new WebSocket(`${collector.url.replace('http', 'ws')}/api/metrics/stream`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });

  it('says what a person needs, and not the token that the operator chose', async () => {
    const notice = await collector.ready;
    assert.match(notice, /dashboard +http:\/\/127\.0\.0\.1:\d+\/admin\/system\n/);
    assert.match(notice, /storage +off/);
    assert.ok(!notice.includes(TOKEN));
  });

  it('has every documented field in the snapshot and no other, all numbers finite', async () => {
    const response = await fetch(`${collector.url}/api/metrics/snapshot`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const snapshot = (await response.json()) as Snapshot;
    assert.deepEqual(pathsOf(snapshot).toSorted(), FIELDS.toSorted());
    assert.equal(snapshot.pipeline.storage, 'off');
    assert.equal(snapshot.pipeline.totals, 'known', 'without storage nothing was counted before');
    for (const value of Object.values(snapshot.system)) {
      if (typeof value === 'number') assert.ok(Number.isFinite(value));
    }
  });

  it('answers health without authentication', async () => {
    const response = await fetch(`${collector.url}/api/metrics/health`);
    assert.ok([200, 503].includes(response.status));
    const health = (await response.json()) as object;
    assert.deepEqual(Object.keys(health), [
      'status',
      'issues',
      'uptime_seconds',
      'ws_connections',
      'timestamp',
    ]);
  });

  it('serialises a snapshot once per tick, however many watch, and sends it at once and at every tick', async () => {
    const received: Snapshot[][] = [];
    const viewers = Array.from({ length: VIEWERS }, (_, i) => {
      const socket = viewer();
      received[i] = [];
      socket.on('message', (message: Buffer) => {
        const { type, data } = JSON.parse(message.toString()) as { type: string; data: Snapshot };
        assert.equal(type, 'metrics_snapshot');
        received[i]?.push(data);
      });
      return socket;
    });
    try {
      await Promise.all(viewers.map((socket) => once(socket, 'open')));
      await until(() => received.every((snapshots) => snapshots.length >= 1));
      const [seq, count] = [Math.max(...received.flat().map((one) => one.seq)), stringified];
      await until(() => received.every((snapshots) => (snapshots.at(-1)?.seq ?? 0) >= seq + 2));
      const ticks = Math.max(...received.flat().map((one) => one.seq)) - seq;
      assert.equal(stringified - count, ticks);
      for (const snapshots of received) {
        const seqs = snapshots.map((one) => one.seq);
        assert.deepEqual(
          seqs,
          seqs.toSorted((a, b) => a - b),
        );
        assert.equal(new Set(seqs.slice(1)).size, seqs.length - 1, 'no tick twice');
      }
    } finally {
      for (const socket of viewers) socket.terminate();
    }
  });

  it('stops twice without harm, closing its viewers', async () => {
    const socket = viewer();
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await Promise.all([collector.shutdown(1000), collector.shutdown(1000)]);
    const [code] = (await closed) as [number];
    assert.equal(code, 1001);
    await assert.rejects(fetch(collector.url));
  });
});

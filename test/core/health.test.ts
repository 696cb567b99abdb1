import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateHealth, type HealthInput } from '../../src/core/health.ts';

const snapshot = {
  uptime_seconds: 1,
  timestamp: '2026-11-22T10:00:00.000Z',
  websocket: { connections_active: 0 },
  system: { cpu_percent: 1, memory_percent: 1, disk_percent: 1 },
  cache: { rag_hits: 0, rag_misses: 0 },
  pipeline: { storage: 'ok' },
} as HealthInput['snapshot'];

test('rows that only memory holds are an issue until the disk holds them again', () => {
  const health = (durable: boolean) => evaluateHealth({ snapshot, droppedInWindow: 0, durable });
  assert.equal(health(true).status, 'healthy');
  assert.equal(health(false).status, 'degraded');
  assert.deepEqual(health(false).issues, ['Spool unwritable']);
});

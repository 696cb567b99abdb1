import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { empty } from '../../dashboards/web/src/fixtures/empty.ts';
import { type Snapshot, type Verdict, verdictOf, verdictReasons } from '../../src/client/index.ts';

interface Figures {
  readonly cpu?: number;
  readonly memory?: number;
  readonly hitRate?: number;
  readonly lookups?: number;
  readonly ragP95?: number;
}

function snapshotWith(figures: Figures): Snapshot {
  const { cpu = 10, memory = 10, hitRate = 60, lookups = 1, ragP95 = 100 } = figures;
  return {
    ...busy,
    system: { ...busy.system, cpu_percent: cpu, memory_percent: memory },
    cache: { ...busy.cache, rag_hit_rate: hitRate, rag_hits: 0, rag_misses: lookups },
    rag: { ...busy.rag, latency_p95_ms: ragP95 },
  };
}

const TABLE: readonly (readonly [Figures, Verdict])[] = [
  [{}, 'healthy'],
  [{ cpu: 70 }, 'healthy'],
  [{ cpu: 70.1 }, 'warning'],
  [{ memory: 70.1 }, 'warning'],
  [{ cpu: 90 }, 'warning'],
  [{ cpu: 90.1 }, 'critical'],
  [{ memory: 90.1 }, 'critical'],
  [{ hitRate: 20 }, 'healthy'],
  [{ hitRate: 19.9 }, 'degraded'],
  [{ hitRate: 0, lookups: 0 }, 'healthy'],
  [{ hitRate: 0, lookups: 1 }, 'degraded'],
  [{ ragP95: 5000 }, 'healthy'],
  [{ ragP95: 5000.1 }, 'degraded'],
  [{ ragP95: 5000.1, cpu: 80 }, 'degraded'],
  [{ ragP95: 5000.1, cpu: 95 }, 'critical'],
];

describe('the verdict', () => {
  for (const [figures, verdict] of TABLE) {
    test(`${JSON.stringify(figures)} is ${verdict}`, () => {
      assert.equal(verdictOf(snapshotWith(figures)), verdict);
      assert.equal(verdictReasons(snapshotWith(figures)).length > 0, verdict !== 'healthy');
    });
  }

  test('nothing known is unknown, nothing happened is healthy', () => {
    assert.equal(verdictOf(null), 'unknown');
    assert.deepEqual(verdictReasons(null), []);
    assert.equal(verdictOf(empty), 'healthy');
  });

  test('reasons name every rule of the same severity', () => {
    assert.deepEqual(verdictReasons(snapshotWith({ cpu: 95, memory: 95, ragP95: 9000 })), [
      'CPU above 90 %',
      'Memory above 90 %',
    ]);
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { evaluateHealth } from '../../src/core/health.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { ClockedLive } from '../collector/live/agents.ts';

interface Readings {
  readonly cpu?: number;
  readonly memory?: number;
  readonly disk?: number;
  readonly loopMs?: number;
  readonly hits?: number;
  readonly misses?: number;
  readonly storage?: 'ok' | 'down' | 'off';
  readonly dropped?: number;
  readonly durable?: boolean;
}

const EMPTY = new ClockedLive().live.snapshot();

function verdictOf({
  cpu = 0,
  memory = 0,
  disk = 0,
  loopMs = 0,
  hits = 0,
  misses = 0,
  storage = 'ok',
  dropped = 0,
  durable = true,
}: Readings) {
  const snapshot: Snapshot = {
    ...EMPTY,
    system: {
      ...EMPTY.system,
      cpu_percent: cpu,
      memory_percent: memory,
      disk_percent: disk,
      event_loop_p99_ms: loopMs,
    },
    cache: { ...EMPTY.cache, rag_hits: hits, rag_misses: misses },
    pipeline: { ...EMPTY.pipeline, storage, durable, events_dropped_window: dropped },
  };
  const { status, issues } = evaluateHealth(snapshot);
  return [status, ...issues];
}

const CASES: readonly [what: string, readings: Readings, verdict: readonly string[]][] = [
  ['nothing to say', {}, ['healthy']],
  ['CPU at the threshold', { cpu: 90 }, ['healthy']],
  ['CPU above it', { cpu: 90.1 }, ['degraded', 'High CPU usage']],
  ['memory at the threshold', { memory: 90 }, ['healthy']],
  ['memory above it', { memory: 90.1 }, ['critical', 'High memory usage']],
  ['disk at the threshold', { disk: 90 }, ['healthy']],
  ['disk above it', { disk: 90.1 }, ['critical', 'Low disk space']],
  ['an event loop at the threshold', { loopMs: 1000 }, ['healthy']],
  ['one that is blocked for longer', { loopMs: 1000.1 }, ['degraded', 'Event loop blocked']],
  ['too few look-ups to judge', { hits: 0, misses: 100 }, ['healthy']],
  ['a hit rate below 20 %', { hits: 20, misses: 81 }, ['degraded', 'Low cache hit rate']],
  ['a hit rate of 20 %', { hits: 40, misses: 160 }, ['healthy']],
  ['storage that is off', { storage: 'off' }, ['healthy']],
  ['storage that is down', { storage: 'down' }, ['degraded', 'Storage unreachable']],
  ['dropped events', { dropped: 1 }, ['degraded', 'Events dropped']],
  ['rows that only memory holds', { durable: false }, ['degraded', 'Spool unwritable']],
  [
    'everything at once: critical is never lowered by a later rule',
    { cpu: 99, memory: 99, disk: 99, loopMs: 9000, hits: 1, misses: 200, storage: 'down', dropped: 5 },
    [
      'critical',
      'High CPU usage',
      'High memory usage',
      'Low disk space',
      'Event loop blocked',
      'Low cache hit rate',
      'Storage unreachable',
      'Events dropped',
    ],
  ],
];

describe('evaluateHealth', () => {
  for (const [what, readings, verdict] of CASES) {
    it(`judges ${what}`, () => assert.deepEqual(verdictOf(readings), verdict));
  }

  it('is as bad as its worst issue, whatever comes together', () => {
    const reading = fc.constantFrom(0, 50, 90, 91, 100);
    const readings = fc.record({
      cpu: reading,
      memory: reading,
      disk: reading,
      loopMs: fc.constantFrom(0, 1001),
      hits: fc.nat(300),
      misses: fc.nat(300),
      storage: fc.constantFrom('ok' as const, 'down' as const, 'off' as const),
      dropped: fc.nat(2),
    });
    fc.assert(
      fc.property(readings, (given) => {
        const [status, ...issues] = verdictOf(given);
        const critical = given.memory > 90 || given.disk > 90;
        assert.equal(status, critical ? 'critical' : issues.length > 0 ? 'degraded' : 'healthy');
      }),
    );
  });
});

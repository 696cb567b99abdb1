import type { Health, HealthStatus, Snapshot } from './snapshot.ts';

/** Percent above which CPU, memory and disk count as exhausted (the specification's thresholds). */
const EXHAUSTED_PERCENT = 90;
/** Whatever an app has to answer waits for so long. */
const BLOCKED_MS = 1000;
/** Below this many look-ups a hit rate says nothing. */
const CACHE_LOOKUPS_MIN = 100;
const CACHE_HIT_RATE_MIN_PERCENT = 20;

interface Rule {
  readonly status: HealthStatus;
  /** Short, fixed, without any value: the route needs no authentication and must leak nothing. */
  readonly issue: string;
  readonly applies: (snapshot: Snapshot) => boolean;
}

const RULES: readonly Rule[] = [
  {
    status: 'degraded',
    issue: 'High CPU usage',
    applies: ({ system }) => system.cpu_percent > EXHAUSTED_PERCENT,
  },
  {
    status: 'critical',
    issue: 'High memory usage',
    applies: ({ system }) => system.memory_percent > EXHAUSTED_PERCENT,
  },
  {
    status: 'critical',
    issue: 'Low disk space',
    applies: ({ system }) => system.disk_percent > EXHAUSTED_PERCENT,
  },
  {
    status: 'degraded',
    issue: 'Event loop blocked',
    applies: ({ system }) => system.event_loop_p99_ms > BLOCKED_MS,
  },
  {
    status: 'degraded',
    issue: 'Low cache hit rate',
    applies: ({ cache, pipeline }) =>
      pipeline.totals !== 'loading' && // A rate of the few look-ups since a restart says nothing yet.
      cache.rag_hits + cache.rag_misses > CACHE_LOOKUPS_MIN &&
      cache.rag_hits / (cache.rag_hits + cache.rag_misses) < CACHE_HIT_RATE_MIN_PERCENT / 100,
  },
  {
    status: 'degraded',
    issue: 'Storage unreachable',
    applies: ({ pipeline }) => pipeline.storage === 'down',
  },
  { status: 'degraded', issue: 'Spool unwritable', applies: ({ pipeline }) => !pipeline.durable },
  {
    status: 'degraded',
    issue: 'Events dropped',
    applies: ({ pipeline }) => pipeline.events_dropped_window > 0,
  },
];

/** Every issue there can be. */
export const HEALTH_ISSUES: readonly string[] = RULES.map(({ issue }) => issue);

const SEVERITY: Readonly<Record<HealthStatus, number>> = { healthy: 0, degraded: 1, critical: 2 };

/** The verdict for load balancers: the worst rule that applies; a later rule never lowers an earlier one. */
export function evaluateHealth(snapshot: Snapshot): Health {
  let status: HealthStatus = 'healthy';
  const issues: string[] = [];
  for (const rule of RULES) {
    if (!rule.applies(snapshot)) continue;
    issues.push(rule.issue);
    if (SEVERITY[rule.status] > SEVERITY[status]) status = rule.status;
  }
  return {
    status,
    issues,
    uptime_seconds: snapshot.uptime_seconds,
    ws_connections: snapshot.websocket.connections_active,
    timestamp: snapshot.timestamp,
  };
}

/** The verdict when there is no snapshot to judge: for a load balancer as bad as a critical one. */
export function healthUnknown(timestamp: string): Health {
  return {
    status: 'critical',
    issues: ['Collector not ready'],
    uptime_seconds: 0,
    ws_connections: 0,
    timestamp,
  };
}

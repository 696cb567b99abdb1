import type { Snapshot } from '../core/snapshot.ts';
import { totalsOf } from './totals.ts';

/** The dashboard's judgement of one snapshot. `unknown` until there is one. */
export type Verdict = 'unknown' | 'healthy' | 'warning' | 'degraded' | 'critical';

const RESOURCE_CRITICAL_PERCENT = 90;
const RESOURCE_WARNING_PERCENT = 70;
/** Below it, a RAG cache that is asked at all does not earn its keep. */
export const HIT_RATE_MIN_PERCENT = 20;
/** Above it, people wait too long for an answer. */
export const RAG_P95_MAX_MS = 5000;

interface Rule {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly applies: (snapshot: Snapshot) => boolean;
}

/** Worst first: the first rule that applies is the verdict. */
const RULES: readonly Rule[] = [
  {
    verdict: 'critical',
    reason: `CPU above ${RESOURCE_CRITICAL_PERCENT} %`,
    applies: ({ system }) => system.cpu_percent > RESOURCE_CRITICAL_PERCENT,
  },
  {
    verdict: 'critical',
    reason: `Memory above ${RESOURCE_CRITICAL_PERCENT} %`,
    applies: ({ system }) => system.memory_percent > RESOURCE_CRITICAL_PERCENT,
  },
  {
    verdict: 'degraded',
    reason: `RAG cache hit rate below ${HIT_RATE_MIN_PERCENT} %`,
    applies: (snapshot) =>
      // Without a look-up the rate is 0 and says nothing; nor does that of the first few after a restart.
      totalsOf(snapshot).known &&
      snapshot.cache.rag_hits + snapshot.cache.rag_misses > 0 &&
      snapshot.cache.rag_hit_rate < HIT_RATE_MIN_PERCENT,
  },
  {
    verdict: 'degraded',
    reason: `RAG p95 latency above ${RAG_P95_MAX_MS / 1000} s`,
    applies: ({ rag }) => rag.latency_p95_ms > RAG_P95_MAX_MS,
  },
  {
    verdict: 'warning',
    reason: `CPU above ${RESOURCE_WARNING_PERCENT} %`,
    applies: ({ system }) => system.cpu_percent > RESOURCE_WARNING_PERCENT,
  },
  {
    verdict: 'warning',
    reason: `Memory above ${RESOURCE_WARNING_PERCENT} %`,
    applies: ({ system }) => system.memory_percent > RESOURCE_WARNING_PERCENT,
  },
];

/** The verdict: the worst rule that applies, `healthy` when none does, `unknown` without a snapshot. */
export function verdictOf(snapshot: Snapshot | null): Verdict {
  if (snapshot === null) return 'unknown';
  return RULES.find((rule) => rule.applies(snapshot))?.verdict ?? 'healthy';
}

/** Why the verdict is what it is: short fixed texts, one per rule of the verdict's own severity that applies. */
export function verdictReasons(snapshot: Snapshot | null): readonly string[] {
  if (snapshot === null) return [];
  const verdict = verdictOf(snapshot);
  return RULES.filter((rule) => rule.verdict === verdict && rule.applies(snapshot)).map(
    (rule) => rule.reason,
  );
}

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type StageRun, StageTimes } from '../../../src/core/rag/stage-times.ts';
import { milliseconds } from '../../../src/core/units.ts';

/** One run of a script: when it begins and ends, and inside which earlier one. */
interface Planned {
  readonly stage: string;
  readonly beginMs: number;
  readonly endMs: number;
  readonly outer: number | null;
}

interface Moment {
  readonly atMs: number;
  readonly begins: boolean;
  readonly index: number;
}

/** Beginnings and ends in the order of time, each beginning before its own end. */
function momentsOf(plan: readonly Planned[]): Moment[] {
  return plan
    .flatMap(({ beginMs, endMs }, index) => [
      { atMs: beginMs, begins: true, index },
      { atMs: Math.max(beginMs, endMs), begins: false, index },
    ])
    .sort((a, b) => a.atMs - b.atMs || Number(b.begins) - Number(a.begins) || a.index - b.index);
}

function timesOf(plan: readonly Planned[], closedMs: number): Record<string, number> {
  const times = new StageTimes();
  const runs = new Map<number, StageRun>();
  for (const { atMs, begins, index } of momentsOf(plan)) {
    if (atMs > closedMs) break;
    const { stage, outer } = plan[index] as Planned;
    if (begins) {
      runs.set(
        index,
        times.begin(stage, outer === null ? null : (runs.get(outer) ?? null), milliseconds(atMs)),
      );
    } else {
      times.end(runs.get(index) as StageRun, milliseconds(atMs));
    }
  }
  return times.close(milliseconds(closedMs));
}

/** The same by definition: millisecond by millisecond, who runs and has nobody running inside. */
function exactTimes(plan: readonly Planned[], closedMs: number): Record<string, number> {
  const exact: Record<string, number> = {};
  for (const { stage, beginMs } of plan) if (beginMs <= closedMs) exact[stage] = 0;
  for (let ms = 0; ms < closedMs; ms++) {
    const running = plan.flatMap((run, index) => (run.beginMs <= ms && ms < run.endMs ? [index] : []));
    const leaves = running.filter((index) => !running.some((other) => plan[other]?.outer === index));
    const stages = new Set(leaves.map((index) => plan[index]?.stage ?? ''));
    for (const stage of stages) exact[stage] = (exact[stage] ?? 0) + 1 / stages.size;
  }
  return exact;
}

const PLAN = fc.array(
  fc.record({
    stage: fc.constantFrom('embedding', 'vector_search', 'rerank', 'generation'),
    beginMs: fc.integer({ min: 0, max: 60 }),
    lengthMs: fc.integer({ min: 0, max: 60 }),
    outer: fc.option(fc.nat({ max: 9 }), { nil: null }),
  }),
  { maxLength: 10 },
);

/** A run begins in another only when that one has begun before; it may outlive it. */
function planned(
  parts: readonly { stage: string; beginMs: number; lengthMs: number; outer: number | null }[],
) {
  const sorted = parts.toSorted((a, b) => a.beginMs - b.beginMs);
  return sorted.map(
    ({ stage, beginMs, lengthMs, outer }, index): Planned => ({
      stage,
      beginMs,
      endMs: beginMs + lengthMs,
      outer: outer !== null && outer < index ? outer : null,
    }),
  );
}

describe('times of stages', () => {
  it('are what the definition says, and together never more than the query, however runs overlap', () => {
    fc.assert(
      fc.property(PLAN, fc.integer({ min: 0, max: 130 }), (parts, closedMs) => {
        const plan = planned(parts);
        const times = timesOf(plan, closedMs);
        const exact = exactTimes(plan, closedMs);
        assert.deepEqual(Object.keys(times).sort(), Object.keys(exact).sort());
        for (const [stage, timeMs] of Object.entries(times)) {
          assert.ok(
            Math.abs(timeMs - (exact[stage] ?? 0)) < 1e-6,
            `${stage}: ${timeMs}, not ${exact[stage]}`,
          );
        }
        const sum = Object.values(times).reduce((a, b) => a + b, 0);
        assert.ok(sum <= closedMs + 1e-6, `${sum} of ${closedMs}`);
      }),
    );
  });

  it('count parallel runs of one stage once', () => {
    const run = (beginMs: number, endMs: number) => ({ stage: 'embedding', beginMs, endMs, outer: null });
    assert.deepEqual(timesOf([run(0, 10), run(2, 8), run(5, 20), run(30, 31)], 100), { embedding: 21 });
  });

  it('give a run what those inside it leave', () => {
    const plan = [
      { stage: 'vector_search', beginMs: 0, endMs: 10, outer: null },
      { stage: 'embedding', beginMs: 2, endMs: 6, outer: 0 },
      { stage: 'rerank', beginMs: 8, endMs: 15, outer: 0 },
    ];
    assert.deepEqual(timesOf(plan, 100), { vector_search: 4, embedding: 4, rerank: 7 });
  });

  it('stop with the query, whatever ends or begins later', () => {
    const times = new StageTimes();
    const stream = times.begin('generation', null, milliseconds(10));
    assert.deepEqual(times.close(milliseconds(15)), { generation: 5 });
    times.end(stream, milliseconds(50));
    times.end(times.begin('rerank', stream, milliseconds(50)), milliseconds(60));
    assert.deepEqual(times.close(milliseconds(90)), { generation: 5 });
  });

  it('count a run that is ended twice once', () => {
    const times = new StageTimes();
    const first = times.begin('rerank', null, milliseconds(0));
    const second = times.begin('rerank', null, milliseconds(0));
    times.end(first, milliseconds(1));
    times.end(first, milliseconds(2));
    times.end(second, milliseconds(3));
    assert.deepEqual(times.close(milliseconds(9)), { rerank: 3 });
  });
});

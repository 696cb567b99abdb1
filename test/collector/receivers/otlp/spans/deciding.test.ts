import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  HOLD_MAX_MS,
  HOLD_MS,
  TraceAssembler,
} from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { STARTED_MS, spanOf, traceId } from '../span.ts';
import { Assembly } from './assembly.ts';
import { chat, retrieval, server, span } from './spans.ts';

const MINUTE = 60_000;

describe('deciding', () => {
  it('that fails costs one trace its figures, and is told of', () => {
    const failures: unknown[] = [];
    const assembly = new Assembly({
      counts: ({ event }) => {
        if ('traceId' in event && event.traceId === traceId(2)) throw new Error('broken');
        return true;
      },
      onFailed: (error, spans) => failures.push([String(error), spans]),
    });
    for (const n of [1, 2, 3]) {
      assembly.accept([spanOf({ ...chat(), traceId: traceId(n) })], 100);
    }
    assembly.wait(HOLD_MS);
    assert.deepEqual(
      assembly.calls.map(({ traceId: id }) => id),
      [traceId(1), traceId(3)],
    );
    assert.deepEqual(failures, [['Error: broken', 1]]);
    const { failed, spansHeld, bytesHeld, tracesHeld } = assembly.assembler.counts();
    assert.deepEqual(
      { failed, spansHeld, bytesHeld, tracesHeld },
      { failed: 1, spansHeld: 0, bytesHeld: 0, tracesHeld: 0 },
    );
  });

  it('reads of each span whom it was for once, however many calls are below it', () => {
    let reads = 0;
    const read = (parts: ReturnType<typeof span>) => {
      Object.defineProperty(parts.attributes, 'user.email', { get: () => void reads++, enumerable: true });
      return parts;
    };
    const above = Array.from({ length: 200 }, (_, i) => read(span(i + 1, i === 0 ? null : i)));
    const calls = Array.from({ length: 300 }, (_, i) => span(1000 + i, 200, chat()));
    const assembly = new Assembly();
    assembly.accept([...above, ...calls]);
    assembly.wait(HOLD_MS);
    assert.equal(assembly.calls.length, 300);
    // Once to decide, and once for what is remembered.
    assert.ok(reads <= 3 * 200, `${reads} reads`);
  });

  it('goes on with the next tick when it takes long', () => {
    let nowMs = 0;
    const decided: number[] = [];
    const assembler = new TraceAssembler({
      now: () => nowMs,
      onDecided: ({ events }) => {
        decided.push(events.length);
        nowMs += 150;
      },
    });
    for (const n of [1, 2, 3]) assembler.accept([spanOf({ ...chat(), traceId: traceId(n) })]);
    nowMs = HOLD_MS;
    for (const ticks of [1, 2, 3]) {
      assembler.tick();
      assert.equal(decided.length, ticks);
    }
  });

  it('again, of a trace with many spans, waits until more have come late', () => {
    const assembly = new Assembly();
    assembly.accept([span(1, null), ...Array.from({ length: 600 }, (_, i) => span(i + 2, 1, chat()))]);
    assembly.wait(HOLD_MS);
    assert.equal(assembly.calls.length, 600);
    assembly.accept([span(1001, 1, chat())]);
    assembly.wait(HOLD_MAX_MS / 2);
    assembly.accept([span(1002, 1, chat())]);
    assembly.wait(HOLD_MAX_MS / 2 - 250);
    assert.equal(assembly.calls.length, 600);
    assembly.wait(250);
    assert.equal(assembly.calls.length, 602);
  });
});

describe('a start that cannot be', () => {
  const DAY = 24 * 60 * MINUTE;
  for (const [what, startMs] of [
    ['none', 0],
    ['one after the end', STARTED_MS + 5 * MINUTE],
    ['one more than a day before the end', STARTED_MS - DAY],
  ] as const) {
    it(`is ${what}: the span counts, takes no time, and its sender is told`, () => {
      const assembly = new Assembly();
      const { rejected } = assembly.accept([
        { ...span(1, null, server), startMs },
        { ...span(2, 1, retrieval()), startMs },
        { ...span(3, 1, chat()), startMs },
      ]);
      assembly.assembler.flush();
      assert.deepEqual(
        assembly.events.map(({ signal, timeMs }) => [signal, timeMs - STARTED_MS]).toSorted(),
        [
          ['llm-call', 100],
          ['rag-query', 100],
          ['request', 100],
        ],
      );
      for (const event of assembly.events) assert.equal('durationMs' in event && event.durationMs, 0);
      for (const { durationMs } of assembly.kept) assert.equal(durationMs, 0);
      assert.deepEqual(rejected, {
        count: 0,
        message: '3 spans without a usable start time (before the end, by at most a day) take no time',
      });
    });
  }

  it('is none of a session or a job of some days', () => {
    const assembly = new Assembly();
    const { rejected } = assembly.accept([span(1, null, {}, [-3 * DAY, 0])]);
    assert.equal(rejected.message, '');
  });
});

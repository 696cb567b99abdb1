import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { HashIndex } from '../../../../../../src/collector/receivers/otlp/spans/known/hash-index.ts';
import { Lexicon } from '../../../../../../src/collector/receivers/otlp/spans/known/lexicon.ts';
import { PackedTraces } from '../../../../../../src/collector/receivers/otlp/spans/known/packed-traces.ts';
import { Packer } from '../../../../../../src/collector/receivers/otlp/spans/known/packing.ts';
import { traceId } from '../../span.ts';

const MIB = 1024 ** 2;

/** Packed traces beside a plain map of what they are to hold. */
class Both {
  readonly packed = new PackedTraces();
  readonly known = new Map<
    string,
    { readonly text: string; readonly spans: number; readonly sinceMs: number }
  >();
  readonly #packer = new Packer(new Lexicon());
  lexicon = new Lexicon();

  add(id: string, text: string, spans: number, sinceMs: number): void {
    this.#packer.begin(this.lexicon);
    this.#packer.value(id);
    this.#packer.value(text);
    const { lexicon } = this;
    this.packed.add(id, { bytes: this.#packer.packed(), lexicon, spans, sinceMs });
    this.known.set(id, { text, spans, sinceMs });
  }

  take(id: string): void {
    assert.equal(this.packed.take(id)?.value(), this.known.get(id)?.text, id);
    this.known.delete(id);
  }

  forgetOldest(): void {
    this.packed.forgetOldest();
    const [oldest] = this.known.keys();
    if (oldest !== undefined) this.known.delete(oldest);
  }

  check(): void {
    const all = [...this.known.values()];
    assert.equal(
      this.packed.spans,
      all.reduce((sum, { spans }) => sum + spans, 0),
    );
    assert.equal(this.packed.oldestSinceMs, all[0]?.sinceMs ?? null);
  }
}

describe('packed traces', () => {
  it('are those that were added and not taken, in their order', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'add', 'add', 'take', 'take', 'forget', 'lexicon'),
      trace: fc.integer({ min: 0, max: 30 }),
      chars: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 150_000 })),
      spans: fc.integer({ min: 0, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const both = new Both();
        for (const [atMs, { what, trace, chars, spans }] of steps.entries()) {
          if (what === 'add' && !both.known.has(traceId(trace)))
            both.add(traceId(trace), `${atMs} `.padEnd(chars, 'x'), spans, atMs);
          else if (what === 'forget') both.forgetOldest();
          else if (what === 'lexicon') both.lexicon = new Lexicon();
          else both.take(traceId(trace));
          both.check();
        }
        for (const id of [...both.known.keys()]) both.take(id);
        both.check();
      }),
      { numRuns: 60 },
    );
  });

  it('are found among many, whatever ids they have', () => {
    const both = new Both();
    for (let i = 0; i < 20_000; i++) both.add(i % 2 === 0 ? traceId(i) : `trace ${i}`, `of ${i}`, 1, i);
    for (let i = 0; i < 20_000; i += 3) both.take(i % 2 === 0 ? traceId(i) : `trace ${i}`);
    for (let i = 0; i < 20_000; i++) both.take(i % 2 === 0 ? traceId(i) : `trace ${i}`);
    both.check();
  });

  it('take 64 MiB at most: the oldest are forgotten', () => {
    const both = new Both();
    for (let i = 0; i < 100; i++) both.add(traceId(i), 'x'.repeat(MIB), 1, i);
    const { oldestSinceMs } = both.packed;
    assert.ok(oldestSinceMs !== null && oldestSinceMs >= 36 && oldestSinceMs <= 40, `${oldestSinceMs}`);
    assert.equal(both.packed.spans, 100 - oldestSinceMs);
    assert.equal(both.packed.take(traceId(oldestSinceMs - 1)), null);
    assert.ok(both.packed.take(traceId(99)));
  });
});

describe('numbers by hash', () => {
  it('are found as long as they are there, also where many have one hash or one slot', () => {
    const hash = fc.constantFrom(0, 1, 2, 1023, 1024, 2 ** 32 - 1, 5 * 1024);
    const step = fc.record({ hash, number: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const index = new HashIndex();
        const known = new Map<number, number>();
        for (const { hash: of, number } of steps) {
          const before = known.get(number);
          if (before === undefined) {
            index.add(of, number);
            known.set(number, of);
          } else {
            index.remove(before, number);
            known.delete(number);
          }
          for (const [each, its] of known) assert.ok([...index.of(its)].includes(each));
          const its = [...known].filter(([, other]) => other === of).map(([each]) => each);
          assert.deepEqual([...index.of(of)].sort(), its.sort());
          assert.equal(index.has(of), its.length > 0);
        }
      }),
      { numRuns: 200 },
    );
  });
});

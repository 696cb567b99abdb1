import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { BoundedNames, type BoundedNamesOptions, IDLE_MS } from '../../../src/core/names/bounded-names.ts';
import { MINUTE_MS } from '../../../src/core/units.ts';

const OTHER = 'other';
const MAX = 4;
const RESERVED = 'rag';

/** Counts uses by the names they are shown by; what leaves goes on as `other`. */
class Counted {
  readonly counts = new Map<string, number>();
  readonly names: BoundedNames;
  folded = 0;

  constructor(options: Partial<BoundedNamesOptions> = {}) {
    this.names = new BoundedNames({
      max: MAX,
      other: OTHER,
      reserved: [RESERVED],
      onDisplaced: (name) => {
        this.#add(OTHER, this.counts.get(name) ?? 0);
        this.counts.delete(name);
      },
      onFolded: () => this.folded++,
      ...options,
    });
  }

  use(name: string, nowMs = 0): string {
    const as = this.names.of(name, nowMs);
    this.#add(as, 1);
    return as;
  }

  get sum(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  #add(name: string, count: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }
}

const times = (count: number, work: (i: number) => void) => {
  for (let i = 0; i < count; i++) work(i);
};

describe('a bounded number of names', () => {
  const step = fc.tuple(
    fc.integer({ min: 0, max: 9 }).map((i) => (i === 9 ? RESERVED : `n${i}`)),
    fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: MINUTE_MS }) },
      { weight: 1, arbitrary: fc.constant(IDLE_MS) },
    ),
  );

  it('loses no use, gives reserved names theirs exactly, and no busy one away while there is an idle one', () => {
    const turnover = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), turnover, (steps, turned) => {
        const counted = new Counted(turned === undefined ? {} : { turnover: turned });
        const usedMs = new Map<string, number>();
        let nowMs = 0;
        let reserved = 0;
        for (const [index, [name, passed]] of steps.entries()) {
          nowMs += passed;
          const idle = [...counted.counts.keys()].find(
            (one) => one !== OTHER && one !== RESERVED && nowMs - (usedMs.get(one) ?? 0) >= IDLE_MS,
          );
          const as = counted.use(name, nowMs);
          usedMs.set(name, nowMs);
          if (name === RESERVED) reserved++;
          if (idle !== undefined) assert.equal(as, name, `${idle} was idle`);
          assert.equal(counted.sum, index + 1);
          assert.ok(counted.names.size <= MAX);
        }
        assert.equal(counted.counts.get(RESERVED) ?? 0, reserved);
      }),
      { numRuns: 300 },
    );
  });

  it('lets who is busy now displace who was used before, with what that had', () => {
    const counted = new Counted();
    times(MAX, (i) => counted.use(`m${i}`));
    times(200, () => counted.use('late'));
    assert.deepEqual(Object.fromEntries(counted.counts), { m1: 1, m2: 1, m3: 1, other: 1, late: 200 });
    assert.equal(counted.folded, 1);
    counted.use('m0');
    assert.equal(counted.counts.get('m0'), 1, 'who comes back begins anew');
    assert.equal(counted.counts.get(OTHER), 2);
  });

  it('keeps who is used again from who is made up', () => {
    const counted = new Counted();
    times(2, () => counted.use('busy'));
    times(1000, (i) => counted.use(`made up ${i}`));
    counted.use('busy');
    assert.equal(counted.counts.get('busy'), 3);
    assert.equal(counted.sum, 1003);
  });

  it('changes hands only so often where names are stored, and lets in who comes again', () => {
    const counted = new Counted({ max: 10, turnover: 10 });
    const shown = new Set<string>();
    times(1000, (i) => shown.add(counted.use(`made up ${i}`)));
    assert.equal(shown.size, 10 + 5 + 1, 'half of it is for names that come again');
    times(20, () => counted.use('real'));
    assert.equal(counted.counts.get('real'), 19);
    // What may change hands comes back with time.
    times(10, (i) => shown.add(counted.use(`later ${i}`, MINUTE_MS)));
    assert.ok(shown.size > 16 && shown.size < 27, String(shown.size));
  });

  it('makes room for nothing that was before', () => {
    const names = new BoundedNames({ max: 2, other: OTHER });
    assert.deepEqual(
      ['a', 'b', 'c', 'a'].map((name) => names.recall(name)),
      ['a', 'b', OTHER, 'a'],
    );
    assert.equal(names.of('c', 1), 'c');
    assert.equal(names.of('d', 0), 'd', 'a place that nobody has used since');
    assert.deepEqual([names.of('e', 0), names.has('c')], ['e', true]);
    assert.equal(names.known('a'), OTHER);
  });

  it('gives places to those of many that came together which were used most', () => {
    const counted = new Counted();
    counted.use('before');
    const together = new Map(Array.from({ length: 20 }, (_, i) => [`m${i}`, (i * 7) % 20]));
    counted.names.meet(together.set(RESERVED, 1), 1);
    assert.deepEqual(
      [...together.keys(), 'before'].filter((name) => counted.names.has(name)),
      ['m11', 'm14', 'm17', RESERVED],
    );
    assert.equal(counted.names.size, MAX);
    assert.equal(counted.folded, 17 + 1);
  });

  it('gives up places one by one, but for reserved ones', () => {
    const counted = new Counted();
    for (const name of ['a', RESERVED, 'b']) counted.use(name);
    assert.deepEqual([counted.names.displace(0), counted.names.displace(0)], [true, true]);
    assert.equal(counted.names.displace(0), false);
    assert.deepEqual(Object.fromEntries(counted.counts), { [RESERVED]: 1, [OTHER]: 2 });
  });

  it('takes the name that stands for all others for no name', () => {
    const counted = new Counted();
    times(MAX, (i) => counted.use(`m${i}`));
    counted.use(OTHER);
    assert.deepEqual([counted.counts.get(OTHER), counted.folded], [1, 0]);
  });
});

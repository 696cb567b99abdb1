import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, it } from 'vitest';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import { RecordReader } from '../../../src/core/records/record-reader.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { PieceReader } from '../../../src/link/ring/piece-reader.ts';
import { type Piece, RingReader } from '../../../src/link/ring/ring-reader.ts';
import { RING_BYTES_MAX, RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { Segment } from '../../../src/link/ring/segment.ts';
import { until } from '../../support/poll.ts';
import { requestEvent } from '../messages.ts';

const numbered = (number: number, padding = 0): NervecenterEvent => ({
  ...requestEvent(),
  durationMs: number as never,
  route: String(number),
  // Names are cut; a trace that is no id is not.
  ...(padding === 0 ? {} : { traceId: 'x'.repeat(padding) }),
});
const numberOf = (event: unknown): number => (event as { durationMs: number }).durationMs;

/** A collector in the same thread: what it has accepted it has for good. */
class Taker {
  readonly #reader: RingReader;
  readonly #pieces = new PieceReader();
  readonly handed: { piece: Piece; numbers: number[] }[] = [];
  readonly #seen: number[] = [];

  constructor(ring: RingWriter, onWake: () => void = () => {}) {
    this.#reader = new RingReader(ring.share({ onWake, onSegment: (segment) => this.#reader.add(segment) }));
  }

  next(evenIfBehind = false): boolean {
    const piece = this.#reader.next(evenIfBehind);
    if (piece === null) return false;
    const numbers = this.#pieces.events(piece).map(({ event }) => numberOf(event));
    this.handed.push({ piece, numbers });
    this.#seen.push(...numbers);
    return true;
  }

  /** Accepts one of those that were handed over. @returns its events */
  accept(at = 0): number[] {
    const [taken] = this.handed.splice(at % Math.max(1, this.handed.length), 1);
    if (taken === undefined) return [];
    this.#reader.accepted(taken.piece.batch);
    return taken.numbers;
  }

  /** From the first that is not accepted on, whatever of them was. */
  unacceptedInOrder(): number[] {
    const first = Math.min(...this.handed.flatMap(({ numbers }) => numbers));
    return this.#seen.filter((number) => number >= first);
  }

  sleep(): void {
    this.#reader.sleep.begin();
  }
}

/** What a reader leaves that is killed right after the exchange with which its claim begins: the second word of the segment. */
function claimWithoutCut({ buffer }: Segment, upTo: number): void {
  Atomics.store(new Int32Array(buffer), 1, upTo);
}

const numbersIn = (records: Uint8Array): number[] => {
  const numbers: number[] = [];
  new RecordReader().read(records, (event) => numbers.push(numberOf(event)));
  return numbers;
};

describe('a ring', () => {
  it('hands over every event once, in order, or drops it, whatever its readers do', () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          write: fc.integer({ min: 1, max: 60 }),
          padding: fc.constantFrom(0, 0, 900, 40_000, 300_000),
        }),
      },
      { weight: 4, arbitrary: fc.constant('next' as const) },
      { weight: 4, arbitrary: fc.record({ accept: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.constant('another reader' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const dropped: number[] = [];
        const ring = new RingWriter((records) => dropped.push(...numbersIn(records)));
        let taker = new Taker(ring);
        let written = 0;
        const accepted: number[] = [];
        const again: number[] = [];
        for (const one of steps) {
          if (one === 'next') taker.next();
          else if (one === 'another reader') {
            again.push(...taker.unacceptedInOrder());
            ring.unshare();
            assert.equal(taker.next(true), false, 'the one before gets no more');
            taker = new Taker(ring);
          } else if ('write' in one) {
            for (let count = 0; count < one.write; count++) {
              const number = written++;
              if (!ring.append(numbered(number, one.padding), writeEvent)) dropped.push(number);
            }
          } else accepted.push(...taker.accept(one.accept));
        }
        while (taker.next(true));
        while (taker.handed.length > 0) accepted.push(...taker.accept());
        assert.deepEqual(
          [...new Set([...accepted, ...dropped])].sort((a, b) => a - b),
          Array.from({ length: written }, (_, number) => number),
        );
        // Nobody has accepted anything twice but what the reader before had and never accepted in order.
        const twice = accepted.filter((number, at) => accepted.indexOf(number) !== at);
        assert.ok(twice.every((number) => again.includes(number)));
        assert.deepEqual(ring.unaccepted(), []);
      }),
      { numRuns: 60 },
    );
  });

  it('tells what an earlier reader had, so that it is not counted twice', () => {
    const ring = new RingWriter(() => assert.fail('dropped'));
    const first = new Taker(ring);
    const tell = (...numbers: readonly number[]) => {
      for (const number of numbers) ring.append(numbered(number), writeEvent);
      first.next();
    };
    tell(0, 1, 2);
    tell(3, 4);
    tell(5);
    assert.deepEqual(first.accept(), [0, 1, 2]);
    for (let number = 6; number < 9; number++) ring.append(numbered(number), writeEvent);
    ring.unshare();
    const second = new Taker(ring);
    while (second.next());
    assert.deepEqual(
      second.handed.map(({ piece, numbers }) => [piece.again, numbers]),
      [
        [true, [3, 4]],
        [true, [5]],
        [false, [6, 7, 8]],
      ],
    );
    const batches = ({ handed }: Taker) => handed.slice(0, 2).map(({ piece }) => piece.batch);
    assert.deepEqual(batches(second), batches(first), 'in the same pieces, by the same numbers');
  });

  it('hands over the same pieces after two kills, the first of them between a claim and its cut', () => {
    const ring = new RingWriter(() => assert.fail('dropped'));
    ring.append(numbered(0), writeEvent);
    const { segments } = ring.share({ onWake: () => {}, onSegment: () => {} });
    const [segment] = segments.map(({ buffer }) => new Segment(buffer));
    assert.ok(segment);
    claimWithoutCut(segment, segment.written);
    ring.append(numbered(1), writeEvent);
    ring.unshare();
    const second = new Taker(ring);
    while (second.next());
    ring.unshare();
    const third = new Taker(ring);
    while (third.next());
    const handed = ({ handed }: Taker) => handed.map(({ piece, numbers }) => [piece.batch, numbers]);
    assert.deepEqual(
      second.handed.map(({ numbers }) => numbers),
      [[0], [1]],
    );
    assert.deepEqual(handed(third), handed(second));
  });

  it('that is full drops the oldest, each event once, and goes on when somebody reads', () => {
    const dropped: number[] = [];
    const ring = new RingWriter((records) => dropped.push(...numbersIn(records)));
    let written = 0;
    // Twice around, while the collector is stopped.
    for (let bytes = 0; bytes < 3 * RING_BYTES_MAX; bytes += 1000)
      ring.append(numbered(written++, 900), writeEvent);
    const taker = new Taker(ring);
    while (taker.next(true));
    const kept = taker.handed.flatMap(({ numbers }) => numbers);
    assert.deepEqual(
      [...dropped, ...kept],
      Array.from({ length: written }, (_, number) => number),
    );
    assert.ok(kept.length * 1000 > 0.9 * RING_BYTES_MAX);
    while (taker.handed.length > 0) taker.accept();
    assert.deepEqual(ring.unaccepted(), []);
    const before = dropped.length;
    for (let count = 0; count < 2000; count++) ring.append(numbered(written++, 900), writeEvent);
    assert.equal(dropped.length, before);
  });

  it('has no room while somebody has all of it and accepts nothing', () => {
    const ring = new RingWriter(() => {});
    const taker = new Taker(ring);
    let refused = 0;
    for (let count = 0; count < 5000; count++) {
      if (!ring.append(numbered(count, 900), writeEvent)) refused++;
      while (taker.next(true));
    }
    assert.ok(refused > 0);
    while (taker.handed.length > 0) taker.accept();
    assert.ok(ring.append(numbered(0, 900), writeEvent));
  });

  it('takes one large event alone, and none that is larger than anybody wants', () => {
    const ring = new RingWriter(() => assert.fail('dropped'));
    const taker = new Taker(ring);
    assert.ok(ring.append(numbered(1), writeEvent));
    assert.ok(ring.append(numbered(2, 1_500_000), writeEvent));
    assert.ok(ring.append(numbered(3), writeEvent));
    assert.equal(ring.append(numbered(4, 3_000_000), writeEvent), false);
    assert.ok(ring.append(numbered(5), writeEvent));
    while (taker.next(true));
    assert.deepEqual(
      taker.handed.flatMap(({ numbers }) => numbers),
      [1, 2, 3, 5],
    );
  });

  it('wakes a reader that sleeps once, and one that is awake not at all', () => {
    const ring = new RingWriter(() => {});
    let woken = 0;
    const taker = new Taker(ring, () => woken++);
    ring.append(numbered(1), writeEvent);
    assert.equal(woken, 0);
    taker.sleep();
    ring.append(numbered(2), writeEvent);
    ring.append(numbered(3), writeEvent);
    assert.equal(woken, 1);
  });

  it('does not wake a reader that is behind, which goes on when something is accepted', () => {
    const ring = new RingWriter(() => {});
    let woken = 0;
    let written = 0;
    const taker = new Taker(ring, () => woken++);
    const write = () => ring.append(numbered(written++, 10_000), writeEvent);
    do write();
    while (taker.next());
    taker.sleep();
    for (let more = 0; more < 5; more++) write();
    assert.equal(woken, 0, 'it could take none of them');
    const seen = taker.accept();
    while (taker.next()) seen.push(...taker.accept());
    while (taker.handed.length > 0) seen.push(...taker.accept());
    while (taker.next()) seen.push(...taker.accept());
    assert.equal(seen.length, written);
    taker.sleep();
    write();
    assert.equal(woken, 1, 'it is behind no more');
  });
});

describe('a ring that another thread reads', () => {
  const threads: Worker[] = [];
  afterEach(async () => {
    await Promise.all(threads.splice(0).map((thread) => thread.terminate()));
  });

  /** A thread that takes and accepts, and tells what it has accepted; killed, it has told less than it took. */
  const reading = (ring: RingWriter, onAccepted: (numbers: readonly number[]) => void): Worker => {
    const thread = new Worker(join(import.meta.dirname, 'reading-thread.ts'), {
      workerData: ring.share({ onWake: () => {}, onSegment: (segment) => thread.postMessage(segment) }),
    });
    thread.on('message', onAccepted);
    threads.push(thread);
    return thread;
  };

  it('loses no event to a thread that is killed in the midst of it, again and again', async () => {
    const ring = new RingWriter(() => assert.fail('dropped'));
    const accepted = new Set<number>();
    let written = 0;
    for (let kills = 0; kills < 8; kills++) {
      const before = accepted.size;
      const thread = reading(ring, (numbers) => {
        for (const number of numbers) accepted.add(number);
      });
      await until(() => {
        for (let count = 0; count < 50; count++) ring.append(numbered(written++, 40), writeEvent);
        return accepted.size > before + 500;
      });
      await thread.terminate();
      ring.unshare();
    }
    const last = new Taker(ring);
    while (last.next(true));
    for (const number of last.handed.flatMap(({ numbers }) => numbers)) accepted.add(number);
    // What a killed thread has accepted without a word is the one thing that nobody here knows of: it says so first.
    assert.equal(accepted.size, written);
  });

  it('is read in order while it is written, to the last event', async () => {
    const ring = new RingWriter(() => {});
    const accepted: number[] = [];
    const thread = reading(ring, (numbers) => accepted.push(...numbers));
    await once(thread, 'online');
    const events = 20_000;
    let written = 0;
    await until(() => {
      for (let count = 0; count < 200 && written < events; count++)
        ring.append(numbered(written++), writeEvent);
      return accepted.length === events;
    });
    assert.ok(accepted.every((number, at) => number === at));
    assert.deepEqual(ring.unaccepted(), []);
  });
});

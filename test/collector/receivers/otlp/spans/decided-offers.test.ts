import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { DecidedOffers } from '../../../../../src/collector/receivers/otlp/decided-offers.ts';
import { PIECE_EVENTS_MAX } from '../../../../../src/collector/receivers/otlp/pieces.ts';
import type { Passage } from '../../../../../src/core/passage.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import type { SpanEvent } from '../../../../../src/core/signals/span.ts';

const span = (id: string) => ({ id }) as SpanEvent;
const trace = (name: string, spans: number) => ({
  events: [],
  spans: Array.from({ length: spans }, (_, at) => span(`${name}${at}`)),
});

/** Offers that are accepted when they are told so. */
function offers() {
  const made: { ids: string[]; passage: Passage; accept: () => void }[] = [];
  const decided = new DecidedOffers((events: readonly NervecenterEvent[], passage) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    made.push({ ids: events.map(({ id }) => id), passage, accept: resolve });
    return promise;
  });
  return { made, decided };
}

describe('what traces tell when they are decided', () => {
  it('is offered together, in order', () => {
    const { made, decided } = offers();
    decided.add(trace('a', 2), []);
    decided.add(trace('b', 1), []);
    assert.equal(made.length, 0);
    decided.offer();
    decided.offer();
    assert.deepEqual(
      made.map(({ ids }) => ids),
      [['a0', 'a1', 'b0']],
    );
  });

  it('is cut between traces only, where it is more than a batch of rows', () => {
    const { made, decided } = offers();
    for (const name of ['a', 'b']) decided.add(trace(name, PIECE_EVENTS_MAX - 1), []);
    decided.add(trace('c', PIECE_EVENTS_MAX + 1), []);
    decided.offer();
    assert.deepEqual(
      made.map(({ ids }) => [ids[0], ids.length]),
      [
        ['a0', PIECE_EVENTS_MAX - 1],
        ['b0', PIECE_EVENTS_MAX - 1],
        ['c0', PIECE_EVENTS_MAX + 1],
      ],
    );
  });

  it('is offered apart where it has passed through other collectors', () => {
    const { made, decided } = offers();
    decided.add(trace('a', 1), ['one']);
    decided.add(trace('b', 1), ['one', 'two']);
    decided.offer();
    assert.deepEqual(
      made.map(({ passage }) => passage),
      [
        { via: ['one'], derived: true },
        { via: ['one', 'two'], derived: true },
      ],
    );
  });

  it('is accepted once all offers are', async () => {
    const { made, decided } = offers();
    for (const via of [['one'], ['two']]) decided.add(trace('a', 1), via);
    decided.offer();
    let accepted = false;
    const all = decided.accepted().then(() => {
      accepted = true;
    });
    made[0]?.accept();
    await new Promise(setImmediate);
    assert.equal(accepted, false);
    made[1]?.accept();
    await all;
  });
});

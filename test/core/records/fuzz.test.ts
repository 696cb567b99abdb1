import assert from 'node:assert/strict';
import { it } from 'vitest';
import { eventsAmong } from '../../../src/collector/receivers/shapes.ts';
import { encodeEvents } from '../../../src/collector/sinks/postgres/spool/batch.ts';
import { type ClaimedEvent, RecordError, RecordReader } from '../../../src/core/records/record-reader.ts';
import { eventMeasure, type NervecenterEvent } from '../../../src/core/signals/index.ts';
import { PieceReader } from '../../../src/link/ring/piece-reader.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { oneOfEach } from '../../collector/sinks/postgres/events.ts';
import { recordsMessage } from '../../link/messages.ts';
import { bytesLike, tryAll } from '../../support/fuzz/fuzzing.ts';

const EACH = oneOfEach().map((event) => Buffer.from(recordsMessage([event]).records));
const ALL = Buffer.from(recordsMessage(oneOfEach()).records);
/** The length of a record, what it is, and the number of its signal. */
const RECORD_BYTES_MIN = 7;
/** A name of two bytes may stand for a long text, which is kept once however often it is named; fields are few. */
const FIELDS_MAX = 64;
const FACTS = { atMs: 0, measured: [], sent: [] };

it('records that are none are refused as such; what is read of others is bounded, and judged before it is used', async () => {
  const measure = eventMeasure(new DeltaMeterProvider().getMeter());
  await tryAll(
    bytesLike([...EACH, ALL]),
    (bytes) => {
      const events = eventsIn(bytes);
      if (events === null) return 'refused';
      const { usable } = eventsAmong(events);
      for (const event of usable) measure(event);
      const { rows, rejected } = encodeEvents(usable, FACTS);
      assert.equal(rows + rejected.length, usable.length);
      return usable.length > 0 ? 'usable' : 'of no use';
    },
    { reached: ['refused', 'usable'] },
  );
});

/** `null` where it is refused. */
function eventsIn(bytes: Buffer): ClaimedEvent[] | null {
  const events: ClaimedEvent[] = [];
  let [calls, last] = [0, 0];
  try {
    new RecordReader().read(bytes, (event, endsAt) => {
      calls++;
      assert.ok(endsAt > last && endsAt <= bytes.length, `${endsAt} after ${last}`);
      last = endsAt;
      if (event !== null) events.push(event);
    });
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return null;
  }
  assert.ok(calls * RECORD_BYTES_MIN <= bytes.length, `${calls} records in ${bytes.length} bytes`);
  for (const event of events) assert.ok(Object.keys(event).length <= FIELDS_MAX);
  return events;
}

it('pieces of a ring go on where the one before has ended, or are refused', async () => {
  const events: readonly NervecenterEvent[] = oneOfEach();
  const firsts = events.map((event) => recordsMessage([event]));
  const goesOn = bytesLike(EACH);
  await tryAll(
    (random) => {
      const first = random.of(firsts);
      const records = goesOn(random);
      const second = { ...first, at: first.batch, batch: first.batch + records.length, records };
      const pieces = [first, second];
      const field = random.of(['batch', 'segment', 'at', 'known'] as const);
      const number = random.of([0, 1, first.batch, 2 ** 32, 2 ** 52, random.below(1000)]);
      return random.below(3) === 0 ? pieces.map((piece) => ({ ...piece, [field]: number })) : pieces;
    },
    (pieces) => {
      const reader = new PieceReader();
      try {
        for (const piece of pieces) {
          const read = reader.events(piece);
          for (const { endsAt } of read) assert.ok(endsAt <= piece.batch && endsAt > piece.segment);
          assert.ok(read.length * RECORD_BYTES_MIN <= piece.records.length);
        }
        return 'read';
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        return 'refused';
      }
    },
    { reached: ['refused', 'read'] },
  );
});

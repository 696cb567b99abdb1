import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { PieceSender, recordsMessage } from '../../../src/agent/links/piece-sender.ts';
import { type AgentHandlers, receiveFrom } from '../../../src/collector/receivers/agents.ts';
import { SentBatches } from '../../../src/collector/receivers/sent-batches.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import { RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { requestEvent, SHARED, sourceNamed } from '../../link/messages.ts';

const SOURCE = sourceNamed('app');

/** What a collector has on disk, whatever becomes of it. */
class Disk {
  readonly ids: string[] = [];
  last = 0;
}

/** A collector that may be killed between taking a piece and saying so. */
class KillableCollector {
  readonly sentBatches = new SentBatches();
  readonly #disk: Disk;
  readonly #answers: (() => void)[] = [];
  #isAlive = true;
  sender: PieceSender;

  constructor(ring: RingWriter, disk: Disk) {
    this.#disk = disk;
    let listener: (message: unknown) => void = () => {};
    const handlers: AgentHandlers = {
      sharing: SHARED,
      sentBatches: this.sentBatches,
      join: () => true,
      leave: () => {},
      takeLeft: () => {},
      frame: () => {},
      events: (events, batch) => {
        disk.ids.push(...events.map(({ id }) => id));
        disk.last = Math.max(disk.last, batch);
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#answers.push(resolve);
        return promise;
      },
      refused: (what) => assert.fail(`refused ${what}`),
      ask: () => null,
      goodbye: () => {},
    };
    receiveFrom(
      {
        onMessage: (one) => {
          listener = one;
        },
        onClose: () => {},
        send: (message) => {
          if (message.type === 'accepted' && this.#isAlive) this.sender?.accepted(message.batch);
        },
        close: () => assert.fail('closed'),
      },
      handlers,
    );
    listener({ type: 'hello', source: SOURCE });
    this.sender = new PieceSender(ring, (piece) => {
      if (this.#isAlive) listener(recordsMessage(piece));
    });
  }

  /** It knows what was accepted before. */
  recalls(): void {
    if (this.sentBatches.complete) return;
    this.sentBatches.add([[SOURCE.instanceId, this.#disk.last]]);
    this.sentBatches.completed(true);
  }

  async answers(count: number): Promise<void> {
    for (const answer of this.#answers.splice(0, count)) answer();
    await new Promise((resolve) => setImmediate(resolve)); // Whoever waits for an answer goes on first.
  }

  isKilled(): void {
    this.#isAlive = false;
    this.sender.close();
  }
}

describe('records that are sent again', () => {
  it('are taken once each, whenever their collector is killed', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 300 }) }) },
      { weight: 4, arbitrary: fc.constant('send' as const) },
      { weight: 3, arbitrary: fc.record({ answer: fc.integer({ min: 1, max: 3 }) }) },
      { weight: 2, arbitrary: fc.constant('recall' as const) },
      { weight: 2, arbitrary: fc.constant('kill' as const) },
      { weight: 1, arbitrary: fc.constant('kill, twice' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const ring = new RingWriter(() => assert.fail('dropped'));
        const disk = new Disk();
        const written: string[] = [];
        let collector = new KillableCollector(ring, disk);
        for (const one of steps) {
          if (one === 'send') collector.sender.send();
          else if (one === 'recall') collector.recalls();
          else if (one === 'kill' || one === 'kill, twice') {
            collector.isKilled();
            ring.unshare();
            if (one === 'kill, twice') {
              ring.share({ onWake: () => {}, onSegment: () => {} }); // With one that has read nothing.
              ring.unshare();
            }
            collector = new KillableCollector(ring, disk);
          } else if ('answer' in one) await collector.answers(one.answer);
          else {
            for (let count = 0; count < one.write; count++) {
              const event = requestEvent();
              written.push(event.id);
              assert.ok(ring.append(event, writeEvent));
            }
          }
        }
        collector.recalls();
        collector.sender.send(true);
        collector.isKilled();
        assert.deepEqual(disk.ids, written);
      }),
      { numRuns: 300 },
    );
  });
});

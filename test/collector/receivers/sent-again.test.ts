import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { type AgentHandlers, receiveFrom } from '../../../src/collector/receivers/agents.ts';
import { SentBatches } from '../../../src/collector/receivers/sent-batches.ts';
import type { AgentMessage } from '../../../src/core/frame.ts';
import { requestEvent, SHARED, sourceNamed } from '../../link/messages.ts';

const SOURCE = sourceNamed('app');
/** Of the batch that its handler throws for. */
const FAILING = 13;
const batch = (number: number, again: boolean): AgentMessage => ({
  type: 'events',
  batch: number,
  again,
  events: [requestEvent()],
});

describe('a batch that was sent to the collector before', () => {
  let sentBatches: SentBatches;
  let taken: number[];
  let doubted: number[];
  let left: number;
  let goodbyes: number;
  /** `null`: nothing is to be. */
  let refused: string[] | null;
  let say: (message: AgentMessage) => void;
  let hangUp: () => void;
  beforeEach(() => {
    sentBatches = new SentBatches();
    taken = [];
    doubted = [];
    left = 0;
    goodbyes = 0;
    refused = null;
    const handlers: AgentHandlers = {
      sharing: SHARED,
      sentBatches,
      join: () => true,
      leave: () => void left++,
      takeLeft: () => {},
      frame: () => {},
      events: (_events, number, doubtful) => {
        if (number === FAILING) throw new Error('a batch that nobody can take');
        taken.push(number);
        if (doubtful) doubted.push(number);
        return Promise.resolve();
      },
      refused: (what) => (refused === null ? assert.fail('refused') : void refused.push(what)),
      ask: () => null,
      goodbye: () => void goodbyes++,
    };
    receiveFrom(
      {
        onMessage: (listener) => {
          say = listener;
        },
        onClose: (listener) => {
          hangUp = listener;
        },
        send: () => {},
        close: () => assert.fail('closed'),
      },
      handlers,
    );
    say({ type: 'hello', source: SOURCE });
  });

  it('waits, with all behind it, until it is known what that one accepted', () => {
    for (const message of [batch(4, true), batch(5, true), batch(6, false)]) say(message);
    assert.deepEqual(taken, []);
    sentBatches.add([[SOURCE.instanceId, 4]]);
    sentBatches.completed(true);
    assert.deepEqual([taken, doubted], [[5, 6], []]);
  });

  it('is taken when its sender is gone by then, and leaves nothing else of it', () => {
    say(batch(4, true));
    hangUp();
    sentBatches.completed(true);
    assert.deepEqual([taken, left], [[4], 2]);
  });

  for (const [what, hostile] of [
    ['whose number cannot be converted', { ...batch(4, true), batch: { toString: 0, valueOf: 0 } }],
    ['that cannot be taken', batch(FAILING, true)],
  ] as const) {
    it(`is not held up by one ${what}`, () => {
      refused = [];
      say(hostile as object as AgentMessage);
      say(batch(FAILING + 1, true));
      let released = false;
      sentBatches.whenComplete(() => {
        released = true;
      });
      sentBatches.completed(true);
      assert.deepEqual([taken, refused, released], [[FAILING + 1], ['messages'], true]);
    });
  }

  it('is left to the next collector when this one stops before it knows and the sender lives on', () => {
    say(batch(4, true));
    hangUp();
    sentBatches.completed(false);
    assert.deepEqual(taken, []);
  });

  it('is taken as doubtful from a process that has ended, whose goodbye is heard at once', () => {
    say(batch(4, true));
    say(batch(5, false));
    say({ type: 'goodbye' });
    assert.deepEqual([taken, goodbyes], [[], 1]);
    hangUp();
    sentBatches.completed(false);
    assert.deepEqual([taken, doubted], [[4, 5], [4]]);
  });

  it('is doubtful also when it comes after it was given up to find that out, until it is found out', () => {
    sentBatches.completed(false);
    say(batch(4, true));
    sentBatches.completed(true);
    say(batch(5, true));
    assert.deepEqual([taken, doubted], [[4, 5], [4]]);
  });

  it('is waited for no longer than asked', async () => {
    say(batch(4, true));
    await sentBatches.awaited(1);
    assert.equal(sentBatches.complete, false);
    const awaited = sentBatches.awaited(60_000);
    sentBatches.completed(true);
    await awaited;
  });
});

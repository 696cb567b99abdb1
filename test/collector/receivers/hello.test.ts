import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { type AgentHandlers, receiveFrom } from '../../../src/collector/receivers/agents.ts';
import { SentBatches } from '../../../src/collector/receivers/sent-batches.ts';
import { Sharing } from '../../../src/collector/receivers/sharing.ts';
import { readConfig } from '../../../src/config/config.ts';
import { placeOf } from '../../../src/config/place.ts';
import type { CollectorMessage } from '../../../src/core/frame.ts';
import type { Leaving } from '../../../src/core/place.ts';
import { sourceNamed } from '../../link/messages.ts';

const HOLDER = { service: 'shop', pid: 1, url: 'http://127.0.0.1:9464', alone: false };
const place = placeOf(readConfig({}, '/srv/app', { reader: 'app' }));

describe('hello', () => {
  let answers: CollectorMessage[];
  let closed: number;
  let joined: number;
  let left: Leaving[];
  let say: (message: unknown) => void;
  beforeEach(() => {
    answers = [];
    closed = 0;
    joined = 0;
    left = [];
    const handlers: AgentHandlers = {
      sharing: new Sharing({
        holder: HOLDER,
        login: () => 'http://127.0.0.1:9464/login#code=c',
        place,
        onClaimed: () => {},
      }),
      sentBatches: new SentBatches(),
      join: () => {
        joined++;
        return true;
      },
      leave: () => {},
      takeLeft: (leaving) => void left.push(leaving),
      frame: () => {},
      events: () => Promise.resolve(),
      refused: () => assert.fail('refused'),
      ask: () => null,
      goodbye: () => {},
    };
    const link = {
      onMessage: (listener: typeof say) => {
        say = listener;
      },
      onClose: () => {},
      send: (message: CollectorMessage) => void answers.push(message),
      close: () => void closed++,
    };
    receiveFrom(link, handlers);
  });
  const hello = (wanted: object) => say({ type: 'hello', source: sourceNamed('app'), ...wanted });

  it('of a process that agrees is welcome', () => {
    hello({ place: { ...place, tokens: [] } });
    assert.deepEqual(
      [answers, joined],
      [[{ type: 'welcome', holder: HOLDER, takesBytes: true, awaitsNext: true }], 1],
    );
  });

  it('of a version that has nothing to agree on is welcome', () => {
    hello({});
    assert.deepEqual(
      [answers, joined],
      [[{ type: 'welcome', holder: HOLDER, takesBytes: true, awaitsNext: true }], 1],
    );
  });

  it('of a process whose wishes cannot be read is refused', () => {
    for (const wanted of [null, 'here', { ...place, dataDir: 7 }, { ...place, schema: undefined }])
      hello({ place: wanted });
    assert.deepEqual(answers, Array(4).fill({ type: 'refused', holder: HOLDER, why: 'place' }));
    assert.equal(joined, 0);
  });

  it('of a process that is taken says where it leaves rows, and only an absolute path is looked at', () => {
    const leaving = { dataDir: '/srv/app/.nervecenter', target: 'embedded PostgreSQL, schema enterprise' };
    hello({ place: { ...place, schema: 'other' }, leaving });
    assert.deepEqual(left, []);
    hello({ place, leaving });
    assert.deepEqual([joined, left], [1, [leaving]]);
  });

  it('of a process that says it in a way that cannot be read is welcome all the same', () => {
    hello({ place, leaving: { dataDir: 'app/.nervecenter', target: 'x' } });
    assert.deepEqual([joined, left], [1, []]);
  });

  it('to a collector that hands over is not answered: its sender waits for the one that takes over', () => {
    say({ type: 'claim' });
    hello({ place });
    assert.deepEqual([answers, joined, closed], [[{ type: 'held', holder: HOLDER }], 0, 1]);
  });
});

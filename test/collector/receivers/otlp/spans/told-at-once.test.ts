import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { HOLD_MAX_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { Assembly } from './assembly.ts';
import { chat, server, span } from './spans.ts';

const session = { scope: 'nervecenter', kind: 'server', name: 'websocket session' } as const;

describe('requests and sessions', () => {
  it('are corrected where they say late for whom they were', () => {
    const assembly = new Assembly();
    assembly.accept([span(2, 1, session)]);
    assembly.accept([span(1, null, { attributes: { 'user.email': 'ann@example.com' } })]);
    assembly.wait(HOLD_MAX_MS);
    assert.deepEqual(
      assembly.events.map((event) => [event.signal, 'userEmail' in event && event.userEmail]),
      [['ws-session', 'ann@example.com']],
    );
  });

  it('that a collector before has told are not told again, nor what is inside them', () => {
    const around = span(4, 1, session);
    const [outer, inner, other] = [span(1, null, server), span(2, 1, server), span(3, 1, chat())];
    const before = new Assembly();
    before.accept([outer, around]);
    const stored = new Set(before.events.map(({ id }) => id));
    assert.equal(stored.size, 2);
    for (const batches of [[[outer, around, inner, other]], [[inner, other], [around], [outer]]]) {
      const assembly = new Assembly();
      for (const batch of batches) assembly.accept(batch, 0, stored);
      assembly.wait(HOLD_MAX_MS);
      assert.deepEqual(
        assembly.events.map(({ signal }) => signal),
        ['llm-call'],
      );
    }
  });
});

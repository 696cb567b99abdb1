import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { allVia, goesRound, viaIn } from '../../src/core/passage.ts';

const OWN = randomUUID();
const OTHERS = Array.from({ length: 64 }, () => randomUUID());

describe('what a request has passed through', () => {
  it('is read from its header; what is no id is none', () => {
    assert.deepEqual(viaIn(undefined), []);
    assert.deepEqual(viaIn(''), []);
    assert.deepEqual(viaIn(` ${OWN.toUpperCase()} ,x,,${OTHERS[0]}`), [OWN, OTHERS[0]]);
  });

  it('ends where it was before, and where it is more than there can be', () => {
    assert.equal(goesRound(viaIn(OTHERS.join(',')), OWN), false);
    assert.equal(goesRound(viaIn([...OTHERS, OWN].join(', ')), OWN), true);
    assert.equal(goesRound(viaIn([...OTHERS, randomUUID(), randomUUID()].join()), OWN), true);
    // However long it is, no more of it is read.
    assert.equal(viaIn(Array.from({ length: 10_000 }, () => OWN).join()).length, 65);
  });

  it('of several is all that any of them names, once', () => {
    assert.deepEqual(allVia([]), []);
    assert.deepEqual(allVia([[OWN], [], [OTHERS[0] ?? '', OWN]]), [OWN, OTHERS[0]]);
  });
});

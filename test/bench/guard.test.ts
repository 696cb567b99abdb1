import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { costOf, HELD, heldCosts, isHeld } from '../../bench/guard.ts';

const HINT = 'Where that is meant, `npm run bench -- guard --write` holds it at what it costs now.';

describe('what is held', () => {
  const { node, costs } = heldCosts();

  it('was counted with this Node', () => {
    assert.equal(node, process.versions.node, HINT);
    assert.deepEqual(Object.keys(costs), HELD, HINT);
  });

  it.each(HELD)('%s costs what it did, within a tenth', async (name) => {
    const cost = await costOf(name);
    for (const unit of ['bytes', 'calls'] as const) {
      const held = costs[name]?.[unit] ?? 0;
      assert.ok(isHeld(cost[unit], held), `${name} takes ${cost[unit]} ${unit}, and took ${held}. ${HINT}`);
    }
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { it } from 'vitest';
import { parseJson } from '../../src/core/json.ts';

it('reads JSON that is 32 deep at most, whatever its texts say', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parseJson(text), JSON.parse(text));
    }),
  );
  const deep = (levels: number) =>
    `${'[{"a":'.repeat(levels / 2)}"[[{\\"${'['.repeat(60)}"${'}]'.repeat(levels / 2)}`;
  assert.ok(parseJson(deep(32)));
  assert.throws(() => parseJson(deep(34)), /more than 32/);
  assert.throws(() => parseJson('['.repeat(16_000)), SyntaxError);
});

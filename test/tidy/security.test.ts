import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { ROOT } from './source-tree.ts';

const GROUPS = 22;
/** A file of tests, then the names of some of them, or parts of names. */
const PROOF = /`(?<file>test\/[\w./-]+\.test\.ts)`: (?<names>.*?)(?=\. `test\/|$)/g;

it('every attack that the page on security names has tests, and each of them is there', () => {
  const page = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8');
  const [, table = ''] = /<!-- attacks -->\n(.*)<!-- \/attacks -->/s.exec(page) ?? [];
  const rows = [...table.matchAll(/^\| (\d+) \|(.*)\| (.*) \|$/gm)];
  assert.deepEqual(
    rows.map(([, number]) => Number(number)),
    Array.from({ length: GROUPS }, (_, at) => at + 1),
  );
  for (const [, number = '', , proof = ''] of rows) {
    const files = [...proof.matchAll(PROOF)];
    assert.ok(files.length > 0, `${number} has no test`);
    for (const { groups } of files) {
      const { file = '', names = '' } = groups ?? {};
      assert.ok(existsSync(join(ROOT, file)), `${number}: ${file} is not there`);
      const source = readFileSync(join(ROOT, file), 'utf8');
      const missing = names.split('; ').filter((name) => !source.includes(name));
      assert.deepEqual(missing, [], `${number}: not in ${file}`);
    }
  }
});

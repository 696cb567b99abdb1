import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { ROOT } from './source-tree.ts';

/** The tables of the page, and how many rows they have. */
const TABLES: readonly (readonly [table: string, rows: number])[] = [
  ['attacks', 22],
  ['trials', 15],
];
/** A file of tests, then the names of some of them, or parts of names. */
const PROOF = /`(?<file>test\/[\w./-]+\.test\.ts)`: (?<names>.*?)(?=\. `test\/|$)/g;

it.each(TABLES)(
  'each of the %s that the page on security names has tests, and they are there',
  (name, count) => {
    const page = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8');
    const [, table = ''] = new RegExp(`<!-- ${name} -->\n(.*)<!-- /${name} -->`, 's').exec(page) ?? [];
    const rows = [...table.matchAll(/^\| (\d+) \|(.*)\| (.*) \|$/gm)];
    assert.deepEqual(
      rows.map(([, number]) => Number(number)),
      Array.from({ length: count }, (_, at) => at + 1),
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
  },
);

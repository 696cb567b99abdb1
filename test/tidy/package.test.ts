import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { it } from 'vitest';
import { ROOT } from './source-tree.ts';

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** npm packs these by itself. */
const ALWAYS = ['README.md', 'LICENSE', 'package.json'];

it('the documents of the package link to nothing that it lacks', () => {
  const { files } = JSON.parse(textOf('package.json')) as { readonly files: readonly string[] };
  const packed = [...ALWAYS, ...files];
  const isPacked = (path: string) => packed.some((one) => path === one || path.startsWith(`${one}/`));
  const documents = globSync('{*,docs/*,bench/*}.md', { cwd: ROOT }).filter(isPacked);
  assert.ok(documents.includes('README.md') && documents.includes('docs/storage.md'));
  const broken = documents.flatMap((document) =>
    [...textOf(document).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !isPacked(normalize(join(dirname(document), target))))
      .map((target) => `${document} links to ${target}`),
  );
  assert.deepEqual(broken, []);
});

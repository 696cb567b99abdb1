import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { sep } from 'node:path';
import { it } from 'vitest';
import { PROJECTS } from '../support/runner/projects.ts';
import { ROOT } from './source-tree.ts';

it('every test file is in exactly one project', () => {
  const folders = Object.values(PROJECTS).flat();
  assert.deepEqual(
    folders.filter((folder, index) => folders.indexOf(folder) !== index),
    [],
  );
  const files = globSync('**/*.test.ts', { cwd: ROOT, exclude: ['**/node_modules/**', 'dist/**'] });
  const strays = files.filter((file) => {
    const [test, folder = ''] = file.split(sep);
    return test !== 'test' || !folders.includes(folder);
  });
  assert.deepEqual(strays, []);
});

import assert from 'node:assert/strict';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { importsOf, ROOT, sourceFiles } from './source-tree.ts';

const SOURCE = 'dashboards/web/src/';

/** The rooms of the dashboard from the ground up: none imports one that stands below it here. */
const ROOMS = [
  'format.ts',
  'elements',
  // Components ask it for the parts of the page; of what those are it knows the types alone.
  'dashboard.svelte.ts',
  'view',
  'chart',
  'history',
  'live',
  'alerts',
  'events',
  'routes',
  'explore',
  'llm',
  'rag',
  'panels',
  'pages',
  'shell',
  'fixtures',
  'App.svelte',
  'language.ts',
  'main.ts',
];

function roomOf(path: string): string {
  return path.slice(SOURCE.length).split('/')[0] ?? '';
}

it('imports of the dashboard go down only, from room to room', () => {
  const files = sourceFiles([SOURCE.replace(/\/$/, '')]);
  assert.deepEqual([...new Set(files.map(({ path }) => roomOf(path)))].sort(), ROOMS.toSorted());
  const upwards = files.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target.startsWith(SOURCE))
      .filter(({ typeOnly }) => !(typeOnly && roomOf(file.path) === 'dashboard.svelte.ts'))
      .filter(({ target }) => ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(file.path)))
      .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
  );
  assert.deepEqual(upwards, []);
});

it('pictures of it in the repository are few and small: the script makes the others', () => {
  const sizes = globSync('docs/screenshots/*', { cwd: ROOT }).map((path) => statSync(join(ROOT, path)).size);
  assert.ok(sizes.length > 0 && sizes.length <= 8, `${sizes.length} pictures`);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes < 1_000_000, `${bytes} B`);
});

import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { it } from 'vitest';
import { importsOf, ROOT, sourceFiles } from './source-tree.ts';

const PICTURES_MAX = 8;
const PICTURE_BYTES_MAX = 1_000_000;
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
  'traces',
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

it('pictures of it in the repository are few, small and shown: the script makes the others', () => {
  const pictures = globSync('docs/screenshots/*', { cwd: ROOT });
  assert.ok(pictures.length > 0 && pictures.length <= PICTURES_MAX, `${pictures.length} pictures`);
  const bytes = pictures.reduce((sum, path) => sum + statSync(join(ROOT, path)).size, 0);
  assert.ok(bytes < PICTURE_BYTES_MAX, `${bytes} B`);
  const documents = globSync('{*,docs/*}.md', { cwd: ROOT });
  const text = documents.map((path) => readFileSync(join(ROOT, path), 'utf8')).join('\n');
  assert.deepEqual(
    pictures.filter((path) => !text.includes(`screenshots/${basename(path)})`)),
    [],
  );
});

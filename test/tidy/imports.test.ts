import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Import, importsOf, ROOT, type SourceFile, sourceFiles } from './source-tree.ts';

const MODULES = sourceFiles(['src', 'dashboards/web/src', 'examples', 'scripts', 'bench']).map((file) => ({
  file,
  imports: importsOf(file),
}));

/**
 * Who may import whom. A room is a folder below `src/`, a folder below `src/collector/`, or a file in either. What is not
 * listed is not allowed; a room may always import itself.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  link: ['core'],
  agent: ['core', 'link', 'config.ts', 'errors.ts', 'ids.ts', 'paths.ts'],
  client: ['types of core'],
  top: ['core', 'client', 'errors.ts'],
  // Adapters know the collector's two narrow types and nothing of each other.
  'collector/*': [
    'core',
    'config.ts',
    'errors.ts',
    'ids.ts',
    'paths.ts',
    'postgres-options.ts',
    'collector/log.ts',
  ],
  'collector/receivers': ['core', 'link', 'collector/agent-link.ts', 'collector/log.ts'],
  'collector/admin-token.ts': ['paths.ts'],
  'collector/agent-link.ts': ['core'],
  'collector/log.ts': ['stderr.ts'],
  'collector/pricing.ts': ['core', 'errors.ts', 'collector/log.ts', 'collector/price-table.ts'],
  'collector/price-table.ts': ['core'],
  // The composition root, what it says, and the thread it runs in.
  'collector/start.ts': ['core', 'link', 'collector', 'config.ts', 'errors.ts', 'ids.ts', 'paths.ts'],
  'collector/start-notice.ts': ['core', 'collector', 'config.ts', 'version.ts'],
  'collector/worker.ts': ['core', 'collector', 'config.ts', 'errors.ts'],
  // Entries.
  commands: [
    'core',
    'agent/instrumentation/index.ts',
    'collector',
    'config.ts',
    'errors.ts',
    'stderr.ts',
    'top',
    'version.ts',
  ],
  'cli.ts': ['main.ts', 'node-version.ts'],
  'main.ts': ['commands', 'errors.ts', 'stderr.ts', 'version.ts'],
  'index.ts': ['core', 'agent', 'errors.ts'],
  'otel.ts': ['node-version.ts'],
  'preload.ts': ['agent', 'config.ts', 'errors.ts', 'stderr.ts'],
  'config.ts': ['core', 'errors.ts', 'postgres-options.ts'],
  'errors.ts': [],
  'node-version.ts': [],
  'ids.ts': ['core'],
  'paths.ts': [],
  'postgres-options.ts': [],
  'stderr.ts': [],
  'version.ts': ['paths.ts'],
};

/** `src/collector/live/sections/rag.ts` is in `collector/live`, `src/collector/start.ts` in `collector/start.ts`. */
function roomOf(path: string): string {
  const [first = '', second = ''] = path.replace(/^src\//, '').split('/');
  return first === 'collector' ? `${first}/${second}` : first;
}

function allowedTo(room: string): readonly string[] {
  return (
    ALLOWED[room] ??
    (room.startsWith('collector/') && !room.endsWith('.ts') ? ALLOWED['collector/*'] : undefined) ??
    []
  );
}

function isAllowed(room: string, { target, typeOnly }: Import): boolean {
  const path = target.replace(/^src\//, '');
  return [room, ...allowedTo(room)].some((allowed) => {
    if (allowed === path || path.startsWith(`${allowed}/`)) return true;
    return typeOnly && allowed === `types of ${path.split('/')[0]}`;
  });
}

const inSource = ({ file }: { readonly file: SourceFile }) => file.path.startsWith('src/');

describe('imports', () => {
  it('go only where the map of rooms lets them', () => {
    const wrong = MODULES.filter(inSource).flatMap(({ file, imports }) =>
      imports
        .filter(({ target }) => target.startsWith('src/'))
        .filter((one) => !isAllowed(roomOf(file.path), one))
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('are known by room: a new file beside the entries is placed on the map', () => {
    const rooms = new Set(MODULES.filter(inSource).map(({ file }) => roomOf(file.path)));
    const folders = [...rooms].filter((room) => room.startsWith('collector/') && !room.endsWith('.ts'));
    const known = new Set([...Object.keys(ALLOWED), ...folders]);
    assert.deepEqual(
      [...rooms].filter((room) => !known.has(room)),
      [],
    );
    const used = new Set([...rooms, 'collector/*']);
    assert.deepEqual(
      Object.keys(ALLOWED).filter((room) => !used.has(room)),
      [],
    );
  });

  it('of the pure core and of the browser client reach no module of Node and no package', () => {
    const wrong = MODULES.filter(({ file }) => /^src\/(core|client)\//.test(file.path)).flatMap(
      ({ file, imports }) =>
        imports
          .filter(({ target }) => !target.startsWith('src/'))
          .map(({ target }) => `${file.path} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('of the dashboard reach the client, what history can be asked, and types of the core', () => {
    const wrong = MODULES.filter(({ file }) => file.path.startsWith('dashboards/')).flatMap(
      ({ file, imports }) =>
        imports
          .filter(({ target }) => !target.startsWith('dashboards/web/src/') && !isPackage(target))
          .filter(
            ({ target, typeOnly }) =>
              !(
                /^src\/(client|core\/history)\//.test(target) ||
                (typeOnly && /^src\/core\/(snapshot|event|alerts\/(rule|state|store))\.ts$/.test(target))
              ),
          )
          .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('of packages name what package.json declares; only OpenTelemetry is bundled instead', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const declared = new Set([
      ...Object.keys(manifest['dependencies'] ?? {}),
      '@opentelemetry/api',
      '@opentelemetry/sdk-metrics',
    ]);
    const wrong = MODULES.filter(inSource).flatMap(({ file, imports }) =>
      imports
        .filter(({ target, typeOnly }) => isPackage(target) && !isBuiltin(target) && !typeOnly)
        .filter(({ target }) => !declared.has(packageOf(target)))
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('of a dialect are one line in the list, or for another dialect that builds on it', () => {
    const list = 'src/agent/llm/dialects/index.ts';
    const dialects = new Set(
      MODULES.filter(({ file }) => /^src\/core\/llm\/.*\.ts$/.test(file.path))
        .filter(({ file }) => /^export const \w+: Dialect\b/m.test(file.text))
        .map(({ file }) => file.path),
    );
    assert.ok(dialects.size > 10);
    const wrong = MODULES.filter(({ file }) => file.path !== list && !dialects.has(file.path)).flatMap(
      ({ file, imports }) =>
        imports
          .filter(({ target }) => dialects.has(target))
          .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('never run in a circle', () => {
    const graph = new Map(
      MODULES.map(({ file, imports }) => [
        file.path,
        imports.filter(({ typeOnly }) => !typeOnly).map(({ target }) => target),
      ]),
    );
    assert.deepEqual(circles(graph), []);
  });

  it('re-export from the entries of the package only, which nothing inside imports', () => {
    const entries = ['src/index.ts', 'src/client/index.ts'];
    const barrels = MODULES.filter(({ imports }) => imports.some(({ reexport }) => reexport)).map(
      ({ file }) => file.path,
    );
    assert.deepEqual(barrels, entries.toSorted());
    const importers = MODULES.filter(inSource).flatMap(({ file, imports }) =>
      imports
        .filter(({ target }) => entries.includes(target))
        .map(({ target }) => `${file.path} imports ${target}`),
    );
    assert.deepEqual(importers, []);
  });
});

function isPackage(target: string): boolean {
  return !/^(src|dashboards|examples|scripts|bench|dist)\//.test(target);
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Every circle once, as the files along it. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start !== -1) found.push([...trail.slice(start), path].join(' -> '));
    if (start !== -1 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { type Import, importsOf, ROOT, type SourceFile, sourceFiles } from './source-tree.ts';

const MODULES = sourceFiles(['src', 'dashboards/web/src', 'examples', 'scripts', 'bench']).map((file) => ({
  file,
  imports: importsOf(file),
}));

/**
 * Who may import whom. A room is a folder below `src/`, below `src/collector/` or below `src/collector/sinks/postgres/`, or a
 * file beside them. What is not listed is not allowed; a room may always import itself. The rooms of a sink are listed from
 * the ground up: none imports one that stands below it here.
 */
const POSTGRES = 'collector/sinks/postgres';
const OTLP = 'collector/sinks/otlp';
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  platform: [],
  link: ['core'],
  config: ['core'],
  // OpenTelemetry's meter provider and reader as both halves use them.
  metrics: ['core'],
  agent: ['core', 'platform', 'link', 'config', 'metrics'],
  client: ['types of core', 'core/backoff.ts'],
  top: ['core', 'client', 'platform/ask.ts'],
  // Adapters know the collector's few narrow types and nothing of each other.
  'collector/*': [
    'core',
    'platform',
    'config',
    'collector/condition.ts',
    'collector/log.ts',
    'collector/metric-family.ts',
  ],
  'collector/receivers': [
    'core',
    'link',
    'platform',
    'config',
    'collector/agent-link.ts',
    'collector/condition.ts',
    'collector/listen.ts',
    'collector/log.ts',
    'collector/tls',
  ],
  // What is sent on is changed as it is read.
  'collector/users': [
    'core',
    'config',
    'collector/condition.ts',
    'collector/kept-secrets.ts',
    'collector/log.ts',
    `${POSTGRES}/connect`,
    `${POSTGRES}/user-key.ts`,
    `${OTLP}/proto`,
  ],
  'collector/live': ['core', 'collector/metric-family.ts', 'collector/host/host-sample.ts'],
  'collector/server': [
    'core',
    'platform',
    'config',
    'collector/condition.ts',
    'collector/listen.ts',
    'collector/log.ts',
    'collector/metric-family.ts',
    'collector/prometheus',
    'collector/tls',
  ],
  'collector/agent-link.ts': ['core'],
  'collector/condition.ts': ['core', 'collector/log.ts'],
  'collector/kept-secrets.ts': ['platform'],
  'collector/listen.ts': ['core', 'config', 'platform/attempt-limiter.ts'],
  'collector/log.ts': ['platform'],
  'collector/metric-family.ts': ['core'],
  [`${POSTGRES}/connect`]: ['core', 'config', 'collector/condition.ts', 'collector/log.ts'],
  [`${POSTGRES}/data-dir`]: ['core', 'platform'],
  [`${POSTGRES}/embedded`]: ['core', 'collector/log.ts', `${POSTGRES}/connect`, `${POSTGRES}/data-dir`],
  [`${POSTGRES}/schema`]: [
    'core',
    'platform',
    'config',
    'collector/condition.ts',
    'collector/log.ts',
    `${POSTGRES}/connect`,
  ],
  [`${POSTGRES}/spool`]: [
    'core',
    'platform',
    'collector/condition.ts',
    'collector/log.ts',
    `${POSTGRES}/data-dir`,
  ],
  [`${POSTGRES}/rollup`]: [
    'core',
    'collector/condition.ts',
    'collector/log.ts',
    `${POSTGRES}/connect`,
    `${POSTGRES}/spool`,
  ],
  [`${POSTGRES}/totals`]: ['core', `${POSTGRES}/schema`, `${POSTGRES}/spool`],
  [`${POSTGRES}/write`]: [
    'core',
    'collector/condition.ts',
    'collector/log.ts',
    `${POSTGRES}/connect`,
    `${POSTGRES}/data-dir`,
    `${POSTGRES}/spool`,
    `${POSTGRES}/rollup`,
    `${POSTGRES}/totals`,
  ],
  [`${POSTGRES}/history`]: ['core', 'collector/pricing', `${POSTGRES}/connect`, `${POSTGRES}/rollup`],
  [`${POSTGRES}/export`]: ['core', `${POSTGRES}/connect`, `${POSTGRES}/schema`],
  [`${POSTGRES}/access-store.ts`]: ['core'],
  [`${POSTGRES}/alert-store.ts`]: ['core', 'collector/alerts/parse-rule.ts', `${POSTGRES}/connect`],
  [`${POSTGRES}/forget`]: ['core', 'collector/alerts/parse-rule.ts', `${POSTGRES}/rollup`],
  [`${POSTGRES}/user-key.ts`]: ['core', 'config', `${POSTGRES}/connect`, `${POSTGRES}/schema`],
  [`${POSTGRES}/reprice.ts`]: ['core', 'collector/pricing', `${POSTGRES}/rollup`, `${POSTGRES}/totals`],
  [`${POSTGRES}/configured-server.ts`]: [
    'config',
    'collector/log.ts',
    `${POSTGRES}/connect`,
    `${POSTGRES}/embedded`,
  ],
  [`${POSTGRES}/storage.ts`]: [
    'core',
    'config',
    'collector/condition.ts',
    'collector/log.ts',
    `${POSTGRES}/connect`,
    `${POSTGRES}/schema`,
    `${POSTGRES}/spool`,
    `${POSTGRES}/totals`,
    `${POSTGRES}/write`,
    `${POSTGRES}/configured-server.ts`,
  ],
  // What is sent waits in segment files as rows do.
  [`${OTLP}/request-bounds.ts`]: ['core'],
  [`${OTLP}/proto`]: ['core', `${OTLP}/request-bounds.ts`],
  [`${OTLP}/encode`]: ['core', 'platform', 'config'],
  [`${OTLP}/metrics`]: ['core', 'config', 'metrics', `${OTLP}/encode`, `${OTLP}/send`],
  [`${OTLP}/queue`]: [
    'core',
    'collector/condition.ts',
    'collector/log.ts',
    `${POSTGRES}/spool`,
    `${OTLP}/proto`,
  ],
  [`${OTLP}/send`]: [
    'core',
    'platform',
    'config',
    'collector/condition.ts',
    'collector/log.ts',
    `${OTLP}/proto`,
  ],
  [`${OTLP}/outgoing.ts`]: ['core', 'config', `${OTLP}/request-bounds.ts`, `${OTLP}/proto`, `${OTLP}/queue`],
  [`${OTLP}/batch-names.ts`]: ['core', 'platform', `${OTLP}/encode`],
  [`${OTLP}/event-payloads.ts`]: [
    'core',
    `${OTLP}/request-bounds.ts`,
    `${OTLP}/proto`,
    `${OTLP}/encode`,
    `${OTLP}/queue`,
    `${OTLP}/batch-names.ts`,
  ],
  [`${OTLP}/sent-out.ts`]: ['core'],
  [`${OTLP}/forwarding.ts`]: ['core', 'config', `${OTLP}/proto`, `${OTLP}/queue`],
  [`${OTLP}/target-export.ts`]: [
    'core',
    'config',
    'collector/condition.ts',
    'collector/log.ts',
    `${OTLP}/proto`,
    `${OTLP}/queue`,
    `${OTLP}/send`,
    `${OTLP}/outgoing.ts`,
  ],
  [`${OTLP}/exporter.ts`]: [
    'core',
    'config',
    'collector/log.ts',
    `${POSTGRES}/spool`,
    `${OTLP}/encode`,
    `${OTLP}/batch-names.ts`,
    `${OTLP}/event-payloads.ts`,
    `${OTLP}/metrics`,
    `${OTLP}/queue`,
    `${OTLP}/send`,
    `${OTLP}/forwarding.ts`,
    `${OTLP}/sent-out.ts`,
    `${OTLP}/target-export.ts`,
  ],
  // The composition root, what it says, and the thread it runs in.
  'collector/start.ts': ['core', 'platform', 'link', 'collector', 'config', 'metrics'],
  'collector/event-ledger.ts': ['core', 'collector', 'metrics'],
  'collector/handlers.ts': ['core', 'collector'],
  'collector/exporting.ts': ['core', 'collector', 'config'],
  'collector/serving.ts': ['core', 'platform', 'collector', 'config'],
  'collector/otlp.ts': ['core', 'config', 'collector'],
  'collector/ticker.ts': ['core', 'collector/live', 'collector/log.ts'],
  'collector/notices.ts': ['core', 'platform', 'collector', 'config'],
  'collector/worker.ts': ['core', 'link', 'collector', 'config'],
  // Entries.
  commands: [
    'core',
    'platform',
    'agent/context/app-trace.ts',
    'agent/instrumentations.ts',
    'collector',
    'config',
    'top',
  ],
  'cli.ts': ['main.ts', 'platform'],
  'main.ts': ['core', 'platform', 'commands'],
  'index.ts': ['core', 'agent'],
  'otel.ts': ['platform', 'config/disabled.ts'],
  'preload.ts': ['core', 'platform', 'agent', 'config'],
};

/** `src/collector/live/sections/rag.ts` is in `collector/live`, `src/collector/start.ts` in `collector/start.ts`. */
function roomOf(path: string): string {
  const parts = path.replace(/^src\//, '').split('/');
  const depth = parts[0] !== 'collector' ? 1 : parts[1] !== 'sinks' ? 2 : 4;
  return parts.slice(0, depth).join('/');
}

function allowedTo(room: string): readonly string[] {
  return ALLOWED[room] ?? (isAdapter(room) ? ALLOWED['collector/*'] : undefined) ?? [];
}

/** A folder of the collector, which needs no place of its own on the map; the rooms of a sink do. */
function isAdapter(room: string): boolean {
  return room.startsWith('collector/') && !room.startsWith('collector/sinks/') && !room.endsWith('.ts');
}

function isAllowed(room: string, { target, typeOnly }: Import): boolean {
  if (!target.startsWith('src/')) return false;
  const path = target.slice('src/'.length);
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
        .filter(({ target }) => !isPackage(target))
        .filter((one) => !isAllowed(roomOf(file.path), one))
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('are known by room: a new file beside the entries is placed on the map', () => {
    const rooms = new Set(MODULES.filter(inSource).map(({ file }) => roomOf(file.path)));
    const known = new Set([...Object.keys(ALLOWED), ...[...rooms].filter(isAdapter)]);
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

  it('of the pure core and of the browser client reach no module of Node and no package but types of OpenTelemetry’s API', () => {
    const wrong = MODULES.filter(({ file }) => /^src\/(core|client)\//.test(file.path)).flatMap(
      ({ file, imports }) =>
        imports
          .filter(({ target }) => !target.startsWith('src/'))
          .filter(({ target, typeOnly }) => !(typeOnly && target === '@opentelemetry/api'))
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
                target === 'src/core/signals/facts.ts' ||
                (typeOnly &&
                  /^src\/core\/(snapshot|signals\/index|alerts\/(rule|alert-state|stored-alerts))\.ts$/.test(
                    target,
                  ))
              ),
          )
          .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('of packages name what package.json declares', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const declared = new Set(Object.keys(manifest['dependencies'] ?? {}));
    const wrong = MODULES.filter(inSource).flatMap(({ file, imports }) =>
      imports
        .filter(({ target, typeOnly }) => isPackage(target) && !isBuiltin(target) && !typeOnly)
        .filter(({ target }) => !declared.has(packageOf(target)))
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('of a sink go down only: no room stands above one it imports', () => {
    const order = Object.keys(ALLOWED).filter((room) => room.startsWith(`${POSTGRES}/`));
    const upwards = order.flatMap((room, at) =>
      allowedTo(room)
        .filter((target) => order.indexOf(roomOf(target)) > at)
        .map((target) => `${room} -> ${target}`),
    );
    assert.deepEqual(upwards, []);
  });

  it('of a dialect are one line in the list, or for another dialect that builds on it', () => {
    const list = 'src/agent/llm/dialects/index.ts';
    const dialects = new Set(
      MODULES.filter(({ file }) => /^src\/agent\/llm\/dialects\/.*\.ts$/.test(file.path))
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
  return !/^(src|test|dashboards|examples|scripts|bench|dist)\//.test(target);
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

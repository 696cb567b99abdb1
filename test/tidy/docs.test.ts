import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { INPUT_REFUSALS } from '../../src/agent/api/input-refusals.ts';
import type { MetricFamily } from '../../src/collector/metric-family.ts';
import { exposition } from '../../src/collector/prometheus/exposition.ts';
import { familyName } from '../../src/collector/prometheus/names.ts';
import { createRoutes, type RouteSources, STREAM_PATH } from '../../src/collector/server/routes.ts';
import { emptyStatistics, statisticsFamilies } from '../../src/collector/server/statistics.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { CATALOGUE } from '../../src/core/errors.ts';
import { FOLDED_LABELS } from '../../src/core/llm/labels.ts';
import { SIGNALS } from '../../src/core/signals/index.ts';
import { GIVEN_UP } from '../../src/core/unfinished-observations.ts';
import { firstCell, tablesOf, tableWith } from './markdown.ts';
import { ROOT } from './source-tree.ts';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
type Versions = Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>>;
const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('the documents and the code agree on', () => {
  it('settings: every one and its default, and nothing else', () => {
    const documented = tableWith('README.md', 'NERVECENTER_PORT').map((row) => [
      firstCell(row),
      row['default'],
    ]);
    const read = Object.entries(SETTINGS);
    assert.deepEqual(documented.toSorted(), read.toSorted());
  });

  it('error codes, their HTTP status and their class', () => {
    const documented = tableWith('docs/errors.md', 'NC_CONFIG_INVALID').map(
      ({ code, 'http status': status, class: kind }) => [code, Number(status), kind],
    );
    const catalogue = Object.entries(CATALOGUE).map(([code, { status, class: kind }]) => [
      code,
      status,
      kind,
    ]);
    assert.deepEqual(documented, catalogue);
  });

  it('signals and their tables', () => {
    const documented = tableWith('docs/metrics.md', 'request').map(({ signal, table }) => [signal, table]);
    const signals = Object.values(SIGNALS).map(({ name, table }) => [name, `enterprise.${table}`]);
    assert.deepEqual(documented, signals);
  });

  it('metrics: name, name at /metrics, kind and unit', () => {
    const documented = tablesOf('docs/metrics.md')
      .flat()
      .filter((row) => 'metric' in row)
      .map(({ metric, 'at /metrics': shown, kind, unit }) => [metric, shown, kind, unit]);
    const instruments = [
      ...Object.values(SIGNALS).flatMap((signal) => signal.instruments),
      INPUT_REFUSALS,
      FOLDED_LABELS,
      GIVEN_UP,
      ...statisticsFamilies(emptyStatistics(), 0),
    ].map(({ name, kind, unit }) => {
      const family = familyName({ name, unit, kind: kind as MetricFamily['kind'] }).name;
      return [name, kind === 'counter' ? `${family}_total` : family, kind, unit];
    });
    assert.deepEqual(documented.slice(0, instruments.length), instruments);
    const own = documented.slice(instruments.length).map(([, shown]) => shown);
    const exposedByItself = [...exposition([], { openMetrics: false })].join('').match(/(?<=# TYPE )\S+/g);
    assert.deepEqual(own, exposedByItself);
  });

  it('routes, their methods and who may ask', () => {
    const documented = tableWith('docs/http.md', '/metrics').map((row) => [
      firstCell(row),
      row['method'],
      row['access'],
    ]);
    const [open, guarded] = (['on', 'token'] as const).map((prometheus) =>
      createRoutes({ prometheus } as RouteSources),
    );
    const served = [...(open ?? [])].map(([path, route]) => {
      const method = path === STREAM_PATH ? 'WebSocket' : Object.keys(route.methods).join(', ');
      const access = [route, guarded?.get(path)].map((one) => (one?.open ? 'open' : 'token'));
      return [path, method, [...new Set(access)].join(', or ')];
    });
    assert.deepEqual(documented.toSorted(), served.toSorted());
  });

  it('commands', () => {
    const help = execFileSync(process.execPath, [join(ROOT, 'src', 'cli.ts'), '--help'], {
      encoding: 'utf8',
    });
    const commands = [...help.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    assert.ok(commands.length >= 4, help);
    const mentioned = new Set(
      [...textOf('README.md').matchAll(/`(?:npx )?nervecenter (\w+)/g)].map(([, name]) => name),
    );
    assert.deepEqual([...mentioned].sort(), commands.sort());
  });

  it('packages: those that the tests call are listed, in the versions they have', () => {
    const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as Versions;
    const installed = new Map(Object.entries({ ...dependencies, ...devDependencies }));
    const listed = new Map(
      tableWith('README.md', 'LLM calls').flatMap((row) =>
        [
          ...(row['tested with'] ?? '').matchAll(/(?<![\w/-])(@?[a-z][\w/-]*) ([\d.]+)(?: and ([\d.]+))?/g),
        ].map(([, name = '', ...versions]) => [name, versions] as const),
      ),
    );
    const apps = globSync('test/packages/apps/*.ts', { cwd: ROOT }).map(textOf).join('');
    const called = [...apps.matchAll(/\bload\(\s*'([^']+)'/g)].flatMap(([, name = '']) => name);
    assert.deepEqual(
      called.filter((name) => installed.has(name) && !listed.has(name)),
      [],
    );
    const wrong = [...listed].filter(
      ([name, versions]) =>
        !versions.some((version) => `${installed.get(name) ?? version}.`.startsWith(`${version}.`)),
    );
    assert.deepEqual(wrong, []);
  });

  it('names: no setting and no code is mentioned that does not exist', () => {
    const known = new Set([...Object.keys(SETTINGS), ...Object.keys(CATALOGUE)]);
    const unknown = DOCUMENTS.flatMap((path) =>
      (textOf(path).match(/\b(NERVECENTER|NC)_[A-Z][A-Z_]*\b/g) ?? [])
        .filter((name) => !known.has(name))
        .map((name) => `${path} mentions ${name}`),
    );
    assert.deepEqual(unknown, []);
  });
});

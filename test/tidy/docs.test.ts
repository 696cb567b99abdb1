import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { describe, it } from 'vitest';
import { GENERATED_PARTS, withPart } from '../../scripts/docs.ts';
import { INPUT_REFUSALS } from '../../src/agent/api/input-refusals.ts';
import { observeExport } from '../../src/collector/exporting.ts';
import type { MetricFamily } from '../../src/collector/metric-family.ts';
import { exposition } from '../../src/collector/prometheus/exposition.ts';
import { familyName } from '../../src/collector/prometheus/names.ts';
import { OTLP_EXCEPTIONS, OTLP_OUTCOMES } from '../../src/collector/receivers/otlp/acceptance.ts';
import { OtlpStatistics } from '../../src/collector/receivers/otlp/listen/statistics.ts';
import {
  createRoutes,
  type Route,
  type RouteSources,
  STREAM_PATH,
} from '../../src/collector/server/routes.ts';
import { emptyStatistics, observeStatistics } from '../../src/collector/server/statistics.ts';
import { defaultOf, SETTING_NAMES, settingOf } from '../../src/config/settings.ts';
import { CATALOGUE } from '../../src/core/errors.ts';
import { FOLDED_LABELS } from '../../src/core/llm/labels.ts';
import { SIGNALS } from '../../src/core/signals/index.ts';
import { GIVEN_UP } from '../../src/core/unfinished-observations.ts';
import { DeltaMeterProvider } from '../../src/metrics/meter-provider.ts';
import { firstCell, tablesOf, tableWith } from './markdown.ts';
import { ROOT } from './source-tree.ts';

/** As many as somebody reads who has not decided yet. */
const WORDS_MAX = { 'README.md': 1500, 'ARCHITECTURE.md': 1200 };
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
type Versions = Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>>;
function serverInstruments() {
  const provider = new DeltaMeterProvider();
  observeStatistics(provider.getMeter(), emptyStatistics(), () => 0);
  observeExport(provider.getMeter(), () => []);
  new OtlpStatistics(provider.getMeter());
  return provider.instruments;
}

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('the documents and the code agree on', () => {
  it('settings: every one, its default and its meaning, and nothing else', () => {
    const documented = tablesOf('docs/settings.md')
      .flat()
      .map((row) => [
        firstCell(row),
        row['default'],
        row['meaning']?.replace(/; see \[[^\]]+\]\(\S+\)$/, ''),
      ]);
    const described = SETTING_NAMES.map((name) => [
      name,
      defaultOf(name),
      settingOf(name).meaning.replaceAll('`', ''),
    ]);
    assert.deepEqual(documented.toSorted(), described.toSorted());
  });

  it('tables that the code writes: `npm run docs` would change none', () => {
    for (const part of GENERATED_PARTS) {
      const page = textOf(part.page);
      assert.equal(withPart(page, part), page, `${part.page}: run \`npm run docs\``);
    }
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
      OTLP_OUTCOMES,
      OTLP_EXCEPTIONS,
      ...serverInstruments(),
    ].map(({ name, kind, unit }) => {
      const family = familyName({ name, unit, kind: kind as MetricFamily['kind'] }).name;
      return [name, kind === 'counter' ? `${family}_total` : family, kind, unit];
    });
    assert.deepEqual(documented.slice(0, instruments.length), instruments);
    const own = documented.slice(instruments.length).map(([, shown]) => shown);
    const exposedByItself = [...exposition([], 'text')].join('').match(/(?<=# TYPE )\S+/g);
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
    const accessOf = (route: Route | undefined) => {
      const actions = Object.entries(route?.methods ?? {});
      const all = new Set(actions.map(([, { access }]) => access));
      return all.size === 1
        ? [...all].join('')
        : actions.map(([method, { access }]) => `${method} ${access}`).join(', ');
    };
    const served = [...(open ?? [])].map(([path, route]) => {
      const method = path === STREAM_PATH ? 'WebSocket' : Object.keys(route.methods).join(', ');
      const access = new Set([route, guarded?.get(path)].map(accessOf));
      return [path, method, [...access].join(', or ')];
    });
    assert.deepEqual(documented.toSorted(), served.toSorted());
  });

  it('commands', () => {
    const help = execFileSync(process.execPath, [join(ROOT, 'src', 'cli.ts'), '--help'], {
      encoding: 'utf8',
    });
    const commands = [...help.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    assert.ok(commands.length >= 4, help);
    const documented = tableWith('docs/commands.md', 'nervecenter collector').map((row) =>
      firstCell(row).replace('nervecenter ', ''),
    );
    assert.deepEqual(documented.sort(), commands.sort());
    const mentioned = DOCUMENTS.flatMap((path) =>
      [...textOf(path).matchAll(/`(?:npx )?nervecenter ([a-z]\w+)/g)].map(([, name = '']) => name),
    );
    assert.deepEqual(
      mentioned.filter((name) => !commands.includes(name)),
      [],
    );
  });

  it('packages: those that the tests call are listed, in the versions they have', () => {
    const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as Versions;
    const installed = new Map(Object.entries({ ...dependencies, ...devDependencies }));
    const listed = new Map(
      tableWith('docs/observed.md', 'LLM calls').flatMap((row) =>
        [
          ...(row['tested with'] ?? '').matchAll(
            /(?<![\w/-])(?!and |some )(@?[a-z][\w/-]*) ([\d.]+)(?:,? and ([\d.]+))?/g,
          ),
        ].map(([, name = '', ...versions]) => [name, versions] as const),
      ),
    );
    const apps = globSync('test/packages/apps/*.ts', { cwd: ROOT }).map(textOf).join('');
    const called = [...apps.matchAll(/\bload\(\s*'([^']+)'/g)].flatMap(([, name = '']) => name);
    assert.ok(called.length > 20);
    assert.deepEqual(
      called.filter((name) => installed.has(name) && !listed.has(name)),
      [],
    );
    const wrong = [...listed].filter(
      ([name, versions]) => !versions.some((version) => `${installed.get(name)}.`.startsWith(`${version}.`)),
    );
    assert.deepEqual(wrong, []);
  });

  it('names: no setting and no code is mentioned that does not exist', () => {
    const known = new Set<string>([...SETTING_NAMES, ...Object.keys(CATALOGUE)]);
    const unknown = DOCUMENTS.flatMap((path) =>
      (textOf(path).match(/\b(NERVECENTER|NC)_[A-Z][A-Z_]*\b/g) ?? [])
        .filter((name) => !known.has(name))
        .map((name) => `${path} mentions ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('paths: every file of the source that is mentioned is there', () => {
    const places = [...DOCUMENTS, ...globSync('{bench,examples,dashboards}/**/README.md', { cwd: ROOT })];
    const missing = places
      .filter((path) => !path.includes('node_modules'))
      .flatMap((path) =>
        (textOf(path).match(/(?<![\w/.-])(src|test|scripts|dashboards|examples|bench)\/[\w./-]*\w/g) ?? [])
          .filter(
            (one) =>
              !one.endsWith('/node_modules') &&
              !existsSync(join(ROOT, one)) &&
              !existsSync(join(ROOT, dirname(path), one)),
          )
          .map((one) => `${path} mentions ${one}`),
      );
    assert.deepEqual(missing, []);
  });

  it('folders of the source: the map has every one and none that is not there', () => {
    const folders = globSync('src/**/', { cwd: ROOT })
      .map((path) => path.replaceAll(sep, '/').replace(/^src\/?|\/$/g, ''))
      .filter(
        (path) => path !== '' && path.split('/').length <= (path.startsWith('collector/sinks/') ? 4 : 2),
      );
    assert.deepEqual(foldersOnMap().toSorted(), folders.toSorted());
  });
});

describe('the documents are', () => {
  for (const [path, words] of Object.entries(WORDS_MAX)) {
    it(`short: ${path} has at most ${words} words`, () => {
      const count = textOf(path).trim().split(/\s+/).length;
      assert.ok(count <= words, `${count} words`);
    });
  }

  it('found from one list', () => {
    const list = /^## Read on\n(.*?)(?=^## |(?![\s\S]))/ms.exec(textOf('README.md'))?.[1] ?? '';
    const pages = [...DOCUMENTS, 'CHANGELOG.md', 'bench/README.md', 'bench/RESULTS.md'];
    assert.deepEqual(
      pages.filter((path) => path !== 'README.md' && !list.includes(`](${path})`)),
      [],
    );
  });
});

/** The folders below `src/` that the map in ARCHITECTURE.md shows, by their indentation. */
function foldersOnMap(): string[] {
  const map = /^src\/.*\n((?: .*\n)+)/m.exec(textOf('ARCHITECTURE.md'))?.[1] ?? '';
  const trail: string[] = [];
  return [...map.matchAll(/^( +)([\w-]+)\/ /gm)].map(([, indent = '', name = '']) => {
    trail.splice(indent.length / 2 - 1, Infinity, name);
    return trail.join('/');
  });
}

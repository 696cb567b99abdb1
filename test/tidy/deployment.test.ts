import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { isSetting, SETTING_NAMES } from '../../src/config/settings.ts';
import { ROOT, sourceFiles } from './source-tree.ts';

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const texts = (value: unknown): string[] => list(value).map(String);

/** What our listeners have by default, in a collector. */
const PORTS = { http: 9464, 'otlp-http': 4318, 'otlp-grpc': 4317 };
const KNOWN = new Set<string>(SETTING_NAMES);

/** An instruction of a Dockerfile with its arguments; continued lines are one. */
function instructionsOf(dockerfile: string): { readonly name: string; readonly text: string }[] {
  return dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return name === undefined || text === undefined ? [] : [{ name, text }];
    });
}

const DOCKERFILE = instructionsOf(textOf('Dockerfile'));
const argumentsOf = (name: string) =>
  DOCKERFILE.filter((instruction) => instruction.name === name).map(({ text }) => text);

/** What the first stage has: the build finds what it imports there, or nowhere. */
const BUILD = DOCKERFILE.slice(
  0,
  DOCKERFILE.findIndex(({ text }) => text.endsWith('AS packages')),
);
const copied = (instructions: readonly { readonly name: string; readonly text: string }[]) =>
  instructions
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
    .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));

describe('the Dockerfile', () => {
  it('copies what there is, and nothing that is kept out', () => {
    const ignored = textOf('.dockerignore').trim().split('\n');
    for (const source of copied(DOCKERFILE)) {
      assert.ok(existsSync(join(ROOT, source)), source);
      assert.ok(!ignored.includes(source), source);
    }
    for (const kept of ['.git', '**/node_modules', '**/dist', '**/.env*'])
      assert.ok(ignored.includes(kept), kept);
  });

  it('copies into the first stage all that the build imports', () => {
    const sources = copied(BUILD);
    const there = (path: string) =>
      sources.some((source) => path === source || path.startsWith(`${source}/`));
    const missing = sourceFiles(['src', 'scripts', 'dashboards/web'])
      .filter(({ path }) => there(path))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
          .map(([, target = '']) => normalize(join(dirname(path), target)))
          .filter((target) => existsSync(join(ROOT, target)) && !there(target))
          .filter(
            () => path.startsWith('src/') || path.startsWith('dashboards/') || path === 'scripts/build.ts',
          )
          .map((target) => `${path} imports ${target}`),
      );
    assert.deepEqual(missing, []);
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    for (const part of ['build:node', 'build:dashboard'])
      for (const path of scripts[part]?.match(/\S+\/\S+/g) ?? []) assert.ok(there(path), path);
    assert.ok(there('tsconfig.json') && there('tsconfig.build.json'));
  });

  it('installs what the lockfile says, on the Node that tests run on, in every stage', () => {
    const { devDependencies } = JSON.parse(textOf('package.json')) as {
      devDependencies: Record<string, string>;
    };
    const major = devDependencies['node']?.split('.')[0];
    assert.deepEqual(
      new Set(argumentsOf('FROM').map((text) => text.split(' ')[0])),
      new Set([`node:${major}-slim`]),
    );
    const installs = argumentsOf('RUN').filter((text) => /npm (ci|install)/.test(text));
    assert.equal(installs.length, 2);
    for (const install of installs) assert.match(install, /^npm ci --ignore-scripts/);
    assert.equal(argumentsOf('ARG')[0], 'OMIT=dev');
  });

  it('runs the collector as somebody by number who is not root, with settings that there are', () => {
    assert.match(argumentsOf('USER').at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
    assert.deepEqual(
      [argumentsOf('ENTRYPOINT'), argumentsOf('CMD')],
      [['["node", "--max-semi-space-size=2", "/app/dist/cli.js"]'], ['["collector"]']],
    );
    const env = Object.fromEntries(argumentsOf('ENV').map((text) => text.split('=')));
    const { NODE_ENV, MALLOC_ARENA_MAX, ...settings } = env;
    assert.deepEqual([NODE_ENV, MALLOC_ARENA_MAX], ['production', '1']);
    for (const name of Object.keys(settings)) assert.ok(isSetting(name), name);
    const { host, dataDir } = readConfig(settings, '/');
    assert.equal(host, '0.0.0.0');
    assert.deepEqual(argumentsOf('VOLUME'), [dataDir]);
    assert.deepEqual(argumentsOf('EXPOSE')[0]?.split(' ').map(Number), Object.values(PORTS));
  });

  it('has a health check that Node can read', () => {
    const [check = ''] = argumentsOf('HEALTHCHECK');
    const command = JSON.parse(/CMD (\[.*\])$/.exec(check)?.[1] ?? '') as readonly string[];
    assert.deepEqual(command.slice(0, 2), ['node', '--eval']);
    assert.doesNotThrow(() => new Function(String(command[2])));
    assert.match(String(command[2]), /\/api\/metrics\/health/);
  });
});

describe('the Compose file', () => {
  const compose = fields(parse(textOf('docker-compose.yml')));
  const services = fields(compose['services']);
  const environmentOf = (service: string) => fields(fields(services[service])['environment']);

  it('gives our services settings that there are and that can be used', () => {
    for (const service of ['app', 'collector']) {
      for (const name of Object.keys(environmentOf(service)))
        assert.ok(KNOWN.has(name), `${service}: ${name}`);
      const settled = Object.fromEntries(
        Object.entries(environmentOf(service)).map(([name, value]) => [name, withDefaults(String(value))]),
      );
      assert.doesNotThrow(() => readConfig(settled, ROOT), service);
    }
  });

  it('publishes on the loopback only, and of ours the ports that we have', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const port of texts(fields(service)['ports'])) {
        assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
        const inside = Number(port.split(':').at(-1));
        if (['app', 'collector', 'otel-collector'].includes(name))
          assert.ok(Object.values(PORTS).includes(inside), `${name}: ${port}`);
      }
    }
  });

  it('depends on services and volumes that there are, in profiles that reach them', () => {
    const volumes = Object.keys(fields(compose['volumes']));
    for (const [name, service] of Object.entries(services)) {
      const { depends_on, profiles, volumes: mounts } = fields(service);
      const needed = Array.isArray(depends_on) ? texts(depends_on) : Object.keys(fields(depends_on));
      for (const other of needed) {
        assert.ok(other in services, `${name} needs ${other}`);
        const theirs = fields(services[other])['profiles'];
        if (theirs === undefined) continue;
        for (const profile of texts(profiles))
          assert.ok(texts(theirs).includes(profile), `${name}: ${profile}`);
      }
      for (const mount of texts(mounts)) {
        const [source = ''] = mount.split(':');
        assert.ok(source.startsWith('.') ? existsSync(join(ROOT, source)) : volumes.includes(source), mount);
      }
    }
  });

  it('lets the collector write to its data and to /tmp only, and gives the one in front its key', () => {
    const collector = fields(services['collector']);
    assert.equal(collector['read_only'], true);
    assert.deepEqual(texts(collector['cap_drop']), ['ALL']);
    assert.deepEqual(texts(collector['tmpfs']), ['/tmp']);
    assert.deepEqual(
      texts(collector['volumes']).map((mount) => mount.split(':')[1]),
      argumentsOf('VOLUME'),
    );
    const keys = withDefaults(String(environmentOf('collector')['NERVECENTER_OTLP_KEYS']));
    assert.match(keys, /^compose=.{16,}$/);
    assert.equal(keys.split('=')[1], withDefaults(String(environmentOf('otel-collector')['OTLP_KEY'])));
  });
});

/** As Compose reads it where nothing is set. */
function withDefaults(value: string): string {
  return value.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
}

describe('the Kubernetes manifest', () => {
  const documents = parseAllDocuments(textOf('deploy/kubernetes/nervecenter.yaml'));
  const objects = documents.map((document) => {
    assert.deepEqual(document.errors, []);
    return fields(document.toJS());
  });
  const specOf = (kind: string) => fields(objects.find((object) => object['kind'] === kind)?.['spec']);
  const pod = fields(fields(specOf('Deployment')['template'])['spec']);
  const container = fields(list(pod['containers'])[0]);

  it('is a claim, a deployment and a service that find one another', () => {
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      ['PersistentVolumeClaim', 'Deployment', 'Service'],
    );
    const labels = fields(fields(fields(specOf('Deployment')['template'])['metadata'])['labels']);
    assert.deepEqual(fields(specOf('Deployment')['selector'])['matchLabels'], labels);
    assert.deepEqual(specOf('Service')['selector'], labels);
    const claim = fields(objects[0]?.['metadata'])['name'];
    const volumes = list(pod['volumes']).map(fields);
    assert.ok(volumes.some((volume) => fields(volume['persistentVolumeClaim'])['claimName'] === claim));
    const mounts = list(container['volumeMounts']).map(fields);
    assert.deepEqual(
      mounts.map(({ name }) => name),
      volumes.map(({ name }) => name),
    );
    assert.deepEqual(
      mounts.map(({ mountPath }) => mountPath),
      [...argumentsOf('VOLUME'), '/tmp'],
    );
  });

  it('names settings that there are; what is secret comes from a secret', () => {
    const env = list(container['env']).map(fields);
    for (const { name } of env) assert.ok(KNOWN.has(String(name)), String(name));
    for (const name of ['DATABASE_URL', 'NERVECENTER_ADMIN_TOKEN', 'NERVECENTER_OTLP_KEYS']) {
      const one = env.find((variable) => variable['name'] === name);
      assert.equal(one?.['value'], undefined, name);
      assert.equal(fields(fields(one?.['valueFrom'])['secretKeyRef'])['name'], 'nervecenter', name);
    }
    const plain = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, String(value)]]));
    assert.doesNotThrow(() => readConfig(Object.fromEntries(plain), ROOT));
  });

  it('has our ports, and probes of a route that is open and says nothing of health', () => {
    const ports = list(container['ports']).map(fields);
    assert.deepEqual(
      Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort])),
      PORTS,
    );
    const served = list(specOf('Service')['ports']).map(fields);
    assert.deepEqual(Object.fromEntries(served.map(({ targetPort, port }) => [targetPort, port])), PORTS);
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      assert.deepEqual(fields(container[probe])['httpGet'], { path: '/login', port: 'http' });
  });

  it('asks for nothing that the image does not need', () => {
    const own = fields(container['securityContext']);
    assert.deepEqual(own, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const shared = fields(pod['securityContext']);
    assert.equal(`${shared['runAsUser']}:${shared['runAsGroup']}`, argumentsOf('USER').at(-1));
    assert.equal(shared['runAsNonRoot'], true);
    assert.equal(pod['automountServiceAccountToken'], false);
  });
});

describe('the files for an OpenTelemetry Collector', () => {
  const paths = globSync('deploy/opentelemetry-collector/*.yaml', { cwd: ROOT }).map((path) =>
    path.replaceAll('\\', '/'),
  );

  it('are two', () => assert.equal(paths.length, 2));

  for (const path of paths) {
    const config = fields(parse(textOf(path)));
    const service = fields(config['service']);

    it(`use what they define, and define nothing else: ${path}`, () => {
      const used = new Set<string>();
      for (const [signal, pipeline] of Object.entries(fields(service['pipelines']))) {
        assert.ok(['traces', 'metrics', 'logs'].includes(signal));
        for (const kind of ['receivers', 'processors', 'exporters'])
          for (const name of texts(fields(pipeline)[kind])) used.add(`${kind} ${name}`);
      }
      for (const name of texts(service['extensions'])) used.add(`extensions ${name}`);
      const defined = ['receivers', 'processors', 'exporters', 'extensions'].flatMap((kind) =>
        Object.keys(fields(config[kind])).map((name) => `${kind} ${name}`),
      );
      assert.deepEqual([...used].toSorted(), defined.toSorted());
      assert.deepEqual(Object.keys(fields(service['pipelines'])), ['traces', 'metrics', 'logs']);
    });

    it(`say which variables they read, and keep what waits: ${path}`, () => {
      const text = textOf(path);
      const comment = text
        .split('\n')
        .filter((line) => line.startsWith('#'))
        .join('\n');
      for (const [, name = ''] of text.matchAll(/\$\{env:([A-Z_]+)\}/g))
        assert.ok(comment.includes(name), name);
      for (const exporter of Object.values(fields(config['exporters'])).map(fields)) {
        assert.equal(fields(exporter['sending_queue'])['storage'], 'file_storage');
        assert.equal(fields(exporter['retry_on_failure'])['enabled'], true);
      }
    });

    it(`take OTLP on its own ports: ${path}`, () => {
      const protocols = fields(fields(fields(config['receivers'])['otlp'])['protocols']);
      assert.deepEqual(
        Object.values(protocols).map((protocol) => fields(protocol)['endpoint']),
        [`0.0.0.0:${PORTS['otlp-grpc']}`, `0.0.0.0:${PORTS['otlp-http']}`],
      );
    });
  }
});

it('the page on deployment names files and settings that there are', () => {
  const page = textOf('docs/deployment.md');
  const named = [...page.matchAll(/`((?:deploy\/|docker-)[\w./-]+)`/g)].map(([, path = '']) => path);
  for (const path of [...globSync('deploy/*/*.yaml', { cwd: ROOT }), 'docker-compose.yml'])
    assert.ok(named.includes(path.replaceAll('\\', '/')), path);
  for (const path of named) assert.ok(existsSync(join(ROOT, path)), path);
  for (const [name] of page.matchAll(/\bNERVECENTER_[A-Z_]+\b/g)) assert.ok(KNOWN.has(name), name);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire, isBuiltin } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../support/free-port.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';
import { startLoopbackRegistry } from './loopback-registry.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FIXTURES = join(import.meta.dirname, 'fixtures', 'stranger');
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const run = promisify(execFile);

/** A directory outside the repository into which the packed package was installed, as anybody would. */
class StrangersDirectory {
  readonly #root = reachableTempDir();
  readonly path = join(this.#root, 'app');

  async install(): Promise<void> {
    mkdirSync(this.path);
    writeFileSync(join(this.path, 'package.json'), '{ "name": "strangers-app", "private": true }\n');
    cpSync(FIXTURES, this.path, { recursive: true });
    const packed = await this.npm(ROOT, ['pack', '--json', '--pack-destination', this.#root]);
    const [tarball = ''] = globSync('*.tgz', { cwd: this.#root });
    assert.ok(packed.includes(tarball));
    const registry = await startLoopbackRegistry();
    try {
      const packages = [
        '@opentelemetry/api',
        '@types/node',
        'express',
        'openai',
        'ws',
        join(this.#root, tarball),
      ];
      await this.npm(this.path, ['install', '--registry', registry.url, ...packages]);
    } finally {
      await registry.close();
    }
  }

  /** Scripts stay off: the build is done, and the package must not need any to be installed. */
  async npm(cwd: string, args: readonly string[]): Promise<string> {
    return (await this.#npm(cwd, [...args, '--ignore-scripts'])).stdout;
  }

  /** What npm has to say of an install that changes nothing and may run scripts. */
  async warnings(): Promise<string> {
    return (await this.#npm(this.path, ['install', '--offline'])).stderr;
  }

  async #npm(cwd: string, args: readonly string[]) {
    const script = process.env['npm_execpath'];
    const [file, ...first] = script === undefined ? ['npm'] : [process.execPath, script];
    const flags = ['--no-audit', '--no-fund', '--no-update-notifier'];
    const settings = ['--cache', join(this.#root, 'cache'), '--userconfig', join(this.#root, 'npmrc')];
    return run(file ?? '', [...first, ...args, ...flags, ...settings], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: this.#root },
      timeout: INSTALL_TIMEOUT_MS,
    });
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Something that speaks just enough of OpenAI's protocol. */
async function startModel(): Promise<Server> {
  const answer = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: 'that' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  });
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function talk(url: string): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'));
  await once(socket, 'open');
  socket.send('hello');
  await once(socket, 'message');
  socket.close();
  await once(socket, 'close');
}

describe('the packed package, installed in an empty directory', { timeout: INSTALL_TIMEOUT_MS * 2 }, () => {
  const stranger = new StrangersDirectory();
  let model: Server;
  let modelUrl: string;
  beforeAll(async () => {
    model = await startModel();
    modelUrl = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
    await stranger.install();
  });
  afterAll(() => {
    model.close();
    model.closeAllConnections();
    stranger.remove();
  });

  const ways = [
    { title: '--require', script: 'app.cjs', flags: ['--require', 'nervecenter/otel'] },
    { title: '--require', script: 'app.mjs', flags: ['--require', 'nervecenter/otel'] },
    { title: '--import', script: 'app.cjs', flags: ['--import', 'nervecenter/otel'] },
    { title: '--import', script: 'app.mjs', flags: ['--import', 'nervecenter/otel'] },
    {
      title: 'NODE_OPTIONS=--require',
      script: 'app.cjs',
      flags: [],
      nodeOptions: '--require nervecenter/otel',
    },
    {
      title: 'NODE_OPTIONS=--import',
      script: 'app.mjs',
      flags: [],
      nodeOptions: '--import nervecenter/otel',
    },
  ];
  for (const { title, script, flags, nodeOptions } of ways) {
    it(`observes ${script} by ${title}: requests, model calls, sessions, the dashboard`, async () => {
      const app = new ObservedApp(join(stranger.path, script), {
        cwd: stranger.path,
        flags,
        env: { MODEL_URL: modelUrl, ...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }) },
      });
      try {
        const url = await app.appUrl();
        await app.started();
        for (const id of ['a', 'b', 'c']) assert.equal((await fetch(`${url}/ask/${id}`)).status, 200);
        await talk(url);
        const { api, llm, websocket, service } = await app.snapshotWhen(
          (snapshot) =>
            snapshot.llm.total_requests >= 3 &&
            snapshot.websocket.messages_out >= 1 &&
            snapshot.pipeline.storage === 'ok',
        );
        assert.equal(service, 'strangers-app');
        assert.deepEqual([api.endpoints['/ask/:id']?.requests, api.requests_total], [3, 3]);
        assert.deepEqual([llm.total_requests, llm.tokens_in_total, llm.tokens_out_total], [3, 300, 60]);
        assert.deepEqual(
          [websocket.connections_total, websocket.messages_in, websocket.messages_out],
          [1, 1, 1],
        );
        await assertDashboard(app);
      } finally {
        await app.stop();
      }
    });
  }

  it("takes in the app's own OpenTelemetry metrics, and serves them by the standard exporter", async () => {
    const port = await freePort();
    const app = new ObservedApp(join(stranger.path, 'metrics.cjs'), {
      cwd: stranger.path,
      flags: ['--require', 'nervecenter/otel'],
      env: {
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
        NERVECENTER_STORAGE: 'off',
      },
    });
    try {
      const url = await app.appUrl();
      await app.started();
      assert.equal((await fetch(url)).status, 200);
      const ours = () => app.get('/metrics');
      const theirs = () => fetch(`http://localhost:${port}/metrics`);
      for (const scrape of [ours, theirs]) {
        await until(async () => /^orders_total\{kind="gift".*\} 1$/m.test(await (await scrape()).text()));
      }
    } finally {
      await app.stop();
    }
  });

  it('runs its commands from the bin', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const bin = join(stranger.path, 'node_modules', '.bin', 'nervecenter');
    const env = { PATH: process.env['PATH'] };
    assert.equal((await run(bin, ['--version'], { cwd: stranger.path, env })).stdout, `${version}\n`);
  });

  it('has npm warn of no install script once `nervecenter init` has decided that none needs to run', async () => {
    const bin = join(stranger.path, 'node_modules', '.bin', 'nervecenter');
    await run(bin, ['init'], { cwd: stranger.path, env: { PATH: process.env['PATH'] } });
    assert.doesNotMatch(await stranger.warnings(), /install-scripts|postinstall/);
  });

  it('imports at run time only what it declares', () => {
    const installed = join(stranger.path, 'node_modules', 'nervecenter');
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    const imported = globSync('dist/**/*.js', { cwd: installed, exclude: ['dist/dashboard/**'] }).flatMap(
      (file) =>
        ts
          .preProcessFile(readFileSync(join(installed, file), 'utf8'), true, true)
          .importedFiles.map(({ fileName }) => fileName),
    );
    const packages = imported.filter((name) => !name.startsWith('.') && !isBuiltin(name));
    assert.deepEqual(
      [...new Set(packages)].filter((name) => !Object.hasOwn(dependencies, name)),
      [],
    );
    assert.ok(imported.length > 0);
  });

  it('carries what it needs and nothing of its workshop', () => {
    const installed = join(stranger.path, 'node_modules', 'nervecenter');
    assert.ok(existsSync(join(installed, 'migrations', '007_observability_tables.sql')));
    for (const document of ['LICENSE', 'README.md', 'ARCHITECTURE.md', 'CHANGELOG.md']) {
      assert.ok(existsSync(join(installed, document)), document);
    }
    for (const folder of ['src', 'test', 'examples', 'node_modules', 'scripts']) {
      assert.ok(!existsSync(join(installed, folder)), folder);
    }
    assert.deepEqual(globSync('bench/**', { cwd: installed, exclude: ['bench/*.md'] }), ['bench']);
  });

  // A program for Node has Node's types, a page has the browser's.
  for (const { file, flags } of [
    { file: 'consumer.mts', flags: ['--types', 'node', '--lib', 'es2023'] },
    { file: 'browser.mts', flags: ['--lib', 'es2023,dom'] },
  ]) {
    it(`types ${file} under strict settings, its own declarations checked too`, async () => {
      const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
      const strict = [
        '--strict',
        '--noEmit',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--skipLibCheck',
        'false',
      ];
      const { stdout } = await run(process.execPath, [tsc, ...strict, ...flags, file], {
        cwd: stranger.path,
      }).catch((error: { readonly stdout: string }) => error);
      assert.equal(stdout, '');
    });
  }
});

async function assertDashboard(app: ObservedApp): Promise<void> {
  const html = await (await app.get('/admin/system')).text();
  const script = /src="(\/admin\/assets\/[^"]+\.js)"/.exec(html)?.[1];
  assert.ok(script !== undefined, html);
  const asset = await app.get(script);
  assert.match(asset.headers.get('content-type') ?? '', /javascript/);
  assert.ok((await asset.text()).length > 1000);
}

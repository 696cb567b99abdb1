import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ObservedApp, type ObservedAppOptions, PRELOAD } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { answerTo } from '../answers.ts';
import { PackageRuns, type Row } from '../package-runs.ts';
import { listen, type Providers } from '../provider.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Building an app takes half a minute of CPU, of which a busy machine has little. */
export const BUILD_TIMEOUT_MS = 600_000;
/** Of a host's first answers, which a development server compiles. */
const ANSWER_TIMEOUT_MS = 120_000;
const NO_TELEMETRY = { NEXT_TELEMETRY_DISABLED: '1' };

/** A request of the test, in a trace of its own, by which its rows are found. */
export interface Sent {
  readonly traceId: string;
  readonly status: number;
  readonly text: string;
}

/** A row of a request, as far as it is looked at. */
interface RequestRow {
  readonly endpoint: string;
  readonly method: string;
  readonly status_code: number;
  readonly trace_id: string;
}

/** What a request is expected to be. */
export type Expected = readonly [method: string, path: string, route: string, status: number];

/** A server that answers as OpenAI does, at whatever name. */
async function startOpenAi(): Promise<Providers> {
  let received = 0;
  const listening = await listen(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received++;
    const answer = answerTo('api.openai.com', request.url ?? '', body);
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': answer?.type ?? 'text/plain' });
    for (const piece of answer?.pieces ?? []) response.write(piece);
    response.end();
  });
  return Object.defineProperty(listening as typeof listening & { received: number }, 'received', {
    get: () => received,
  });
}

/**
 * Hosts with the agent in front, whose rows go to one collector. Their apps are copied to a directory in the repository, where
 * they find its packages, and are built there.
 */
export class HostRuns {
  readonly #runs: PackageRuns;
  readonly #served: ObservedApp[] = [];
  readonly #directories: string[] = [];

  private constructor(runs: PackageRuns) {
    this.#runs = runs;
  }

  static async start(): Promise<HostRuns> {
    return new HostRuns(await PackageRuns.start(startOpenAi));
  }

  /** A copy of an app of `apps/`. */
  copy(app: string): string {
    const directory = mkdtempSync(join(ROOT, `.host-${app}-`));
    this.#directories.push(directory);
    cpSync(join(import.meta.dirname, 'apps', app), directory, { recursive: true });
    return directory;
  }

  /** Builds an app as its users do, with the agent in NODE_OPTIONS. What it said. */
  async build(directory: string, args: readonly string[]): Promise<ObservedApp> {
    const [script = '', ...rest] = args;
    const build = new ObservedApp(join(ROOT, 'node_modules', script), {
      flags: [],
      args: rest,
      cwd: directory,
      env: { NODE_OPTIONS: `--require ${PRELOAD}`, ...NO_TELEMETRY },
    });
    this.#served.push(build);
    await build.end();
    return build;
  }

  /** Starts a host and waits until it says where it is. */
  async serve(script: string, { env, ...options }: ObservedAppOptions): Promise<Host> {
    const app = this.#runs.serve(script, {
      ...options,
      env: { MODEL_URL: `http://127.0.0.1:${this.#runs.providers.port}/v1`, ...NO_TELEMETRY, ...env },
    });
    this.#served.push(app);
    return new Host(app);
  }

  /** The rows of what was sent, in its order. */
  async rowsOf(
    sent: readonly Sent[],
  ): Promise<readonly (readonly [method: string, route: string, status: number])[]> {
    const wanted = sent.map(({ traceId }) => `'${traceId}'`).join();
    const rows = await this.#runs.select<RequestRow>(
      `SELECT endpoint, method, status_code, trace_id FROM enterprise.request_metrics WHERE trace_id IN (${wanted})`,
      ({ length }) => length >= sent.length,
    );
    assert.equal(rows.length, sent.length);
    return sent.map(({ traceId }) => {
      const row = rows.find(({ trace_id }) => trace_id === traceId);
      assert.ok(row);
      return [row.method, row.endpoint, row.status_code] as const;
    });
  }

  /** The model calls in the trace of a request. */
  callsOf({ traceId }: Sent): Promise<readonly Row[]> {
    const rows = `SELECT * FROM enterprise.llm_call_metrics WHERE trace_id = '${traceId}'`;
    return this.#runs.select<Row>(rows, ({ length }) => length > 0);
  }

  /** What is stored of the WebSocket sessions at a path. */
  sessionsOf(path: string): Promise<readonly object[]> {
    return this.#runs.select(
      `SELECT messages_in, messages_out, bytes_in, bytes_out, close_code FROM enterprise.ws_session_metrics WHERE path = '${path}'`,
      ({ length }) => length > 0,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#served.map(async (app) => {
        if (!app.exited) app.child.kill('SIGKILL');
        await app.end();
      }),
    );
    await this.#runs?.stop();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }
}

/** An app that is being served. */
class Host {
  readonly app: ObservedApp;
  url = '';

  constructor(app: ObservedApp) {
    this.app = app;
  }

  /** Resolves once it has said on which port it listens. */
  async listening(said: RegExp): Promise<this> {
    const port = await until(() => said.exec(this.app.stdout)?.[1] ?? (this.app.exited ? '0' : undefined), {
      timeoutMs: ANSWER_TIMEOUT_MS,
    });
    assert.equal(this.app.exited, false, this.app.stderr);
    this.url = `http://127.0.0.1:${port}`;
    return this;
  }

  async send(method: string, path: string, init: RequestInit = {}): Promise<Sent> {
    const traceId = randomBytes(16).toString('hex');
    const response = await fetch(`${this.url}${path}`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      ...init,
      method,
      headers: { ...init.headers, traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    return { traceId, status: response.status, text: await response.text() };
  }

  /** Ends it as a terminal does. How it ended. */
  async end(): Promise<void> {
    this.app.child.kill('SIGTERM');
    await this.app.end();
  }
}

/** Sends what is expected, one after the other, and compares the rows of all of it. */
export async function assertRoutes(runs: HostRuns, host: Host, expected: readonly Expected[]): Promise<void> {
  const sent: Sent[] = [];
  for (const [method, path, , status] of expected) {
    const one = await host.send(method, path);
    assert.equal(one.status, status, `${method} ${path}: ${one.text.slice(0, 500)}`);
    sent.push(one);
  }
  assert.deepEqual(
    await runs.rowsOf(sent),
    expected.map(([method, , route, status]) => [method, route, status]),
  );
}

/** Asks a route that streams what a model answers: one row of the request, one of the call, in one trace. */
export async function assertStreamedChat(runs: HostRuns, host: Host, route: string): Promise<void> {
  const sent = await host.send('POST', '/api/chat', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'How was it?' }),
  });
  assert.equal(sent.status, 200, sent.text);
  assert.ok(sent.text.length > 20, sent.text);
  assert.deepEqual(await runs.rowsOf([sent]), [['POST', route, 200]]);
  const calls = await runs.callsOf(sent);
  assert.deepEqual(
    calls.map(({ model, streaming, prompt_tokens, completion_tokens, usage_source, outcome }) => [
      ...[model, streaming, prompt_tokens, completion_tokens, usage_source, outcome],
    ]),
    [['gpt-4o-mini', true, 20, 10, 'provider', 'ok']],
  );
}

/** The same of a form whose action asks a model and sends the browser on. */
export async function assertAction(
  runs: HostRuns,
  host: Host,
  { fields, status }: { readonly fields: Readonly<Record<string, string>>; readonly status: number },
): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...fields, question: 'How was it?' }))
    body.append(name, value);
  const sent = await host.send('POST', '/ask', {
    body,
    headers: { accept: 'text/html', origin: host.url, 'x-forwarded-proto': 'http' },
  });
  assert.equal(sent.status, status, sent.text.slice(0, 500));
  assert.deepEqual(await runs.rowsOf([sent]), [['POST', '/ask', status]]);
  const [call, ...others] = await runs.callsOf(sent);
  assert.deepEqual(others, []);
  assert.deepEqual([call?.model, call?.prompt_tokens, call?.completion_tokens], ['gpt-5.4', 44, 288]);
}

/** A build is no app: nothing is said, nothing is written, nothing is left running. */
export function assertQuietBuild(build: ObservedApp): void {
  assert.deepEqual([build.child.exitCode, build.child.signalCode], [0, null], build.stdout + build.stderr);
  assert.doesNotMatch(build.stdout + build.stderr, /nervecenter \d|\[nervecenter\]|dashboard/);
  assert.equal(existsSync(join(build.dataDir, 'data')), false);
}

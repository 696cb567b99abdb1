import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RecordedUsage, recordedUsage } from '../../agent/llm/support/recorded-usage.ts';
import { type StubServer, sendJson, startStub } from '../../agent/llm/support/stub-server.ts';
import { askedIn, bytesOf, type Exchange, readRecordings } from '../recordings.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SCRIPT = join(ROOT, 'test', 'e2e', 'fixtures', 'genai-app.cjs');

/** What the app asks for, by how it asks; in the order in which it asks. */
const RECORDED = {
  'text-embedding-3-small': 'openai/test-embeddings-no-content',
  'gpt-4o-mini': 'openai/test-chat-completion-extra-params',
  'gpt-4': 'openai/test-chat-completion-streaming',
  'claude-3-opus-20240229': 'anthropic/should-set-attributes-in-span-for-messages',
} as const;

export interface RecordedCall {
  readonly model: string;
  readonly usage: RecordedUsage;
}

/** A RAG app under the preload (`fixtures/genai-app.cjs`), and providers that answer it with what was recorded of them. */
export class GenaiApp {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #stub: StubServer;
  readonly #directory: string;

  private constructor(child: ChildProcess, url: string, stub: StubServer, directory: string) {
    this.#child = child;
    this.url = url;
    this.#stub = stub;
    this.#directory = directory;
  }

  /** @param env where it sends, above all */
  static async start(env: Readonly<Record<string, string>>): Promise<GenaiApp> {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    const stub = await startProviders();
    const child = fork(SCRIPT, [stub.url], {
      execArgv: ['--require', 'nervecenter/otel'],
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        NERVECENTER_DATA_DIR: directory,
        NERVECENTER_PORT: '0',
        OTEL_SERVICE_NAME: 'rag-app',
        // Its span would go out instead of ours.
        ANTHROPIC_OPEN_TELEMETRY: 'false',
        ...env,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [port] = (await once(child, 'message')) as [number];
    return new GenaiApp(child, `http://127.0.0.1:${port}`, stub, directory);
  }

  /** What one question makes it ask models for, as recorded. */
  static calls(): readonly RecordedCall[] {
    return Object.entries(exchanges()).map(([model, { response }]) => {
      const usage = recordedUsage(response.body);
      if (usage === null) throw new Error(`${model} has no usage`);
      return { model, usage };
    });
  }

  /** Asks it once, and has it talk over a WebSocket. */
  async ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
    const response = await fetch(`${this.url}${path}`, { headers });
    await response.text();
    return response.status;
  }

  talk(): void {
    this.#child.send('talk');
  }

  /** Ends it, which sends what there is to send. */
  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.send('end');
      await exited;
    }
    await this.#stub.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function exchanges(): Readonly<Record<string, Exchange>> {
  const recordings = new Map(readRecordings().map(({ name, exchanges: [first] }) => [name, first]));
  const pairs = Object.entries(RECORDED).map(([model, name]) => {
    const exchange = recordings.get(name);
    if (exchange === undefined || askedIn(exchange.request).model !== model) throw new Error(name);
    return [model, exchange] as const;
  });
  return Object.fromEntries(pairs);
}

async function startProviders(): Promise<StubServer> {
  const known = exchanges();
  const stub = await startStub();
  stub.handler = (_request, response, body) => {
    const { model } = JSON.parse(body.toString()) as { readonly model: string };
    const exchange = known[model];
    if (exchange === undefined) {
      sendJson(response, 429, { error: { message: 'Slow down.', type: 'rate_limit_error', code: null } });
      return;
    }
    response.writeHead(exchange.response.status, exchange.response.headers).end(bytesOf(exchange));
  };
  return stub;
}

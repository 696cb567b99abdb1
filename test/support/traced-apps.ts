import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StubServer, sendJson, startStub } from '../agent/llm/support/stub-server.ts';
import { OtlpReceiver } from './otlp/receiver.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FIXTURES = join(ROOT, 'test', 'e2e', 'fixtures');

export interface TracedApp {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it told its parent besides its port. */
  readonly told: Readonly<Record<string, unknown>>[];
  /** What it has written to standard error. */
  said(): string;
}

interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Loaded in this order. @default the preload alone */
  readonly requires?: readonly string[];
}

export const PRELOAD = 'nervecenter/otel';
/** The SDK that an app brings itself. */
export const APP_SDK = join(FIXTURES, 'app-sdk.cjs');

const OF_CLAUDE = {
  ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-4', stop_reason: 'end_turn' },
  content: [{ type: 'text', text: 'a' }],
  usage: { input_tokens: 3, output_tokens: 4 },
};

/** Apps that start spans of their own, a model's provider, and where everything is sent. */
export class TracedApps {
  readonly receiver: OtlpReceiver;
  readonly #model: StubServer;
  readonly directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  readonly #children: ChildProcess[] = [];

  private constructor(receiver: OtlpReceiver, model: StubServer) {
    this.receiver = receiver;
    this.#model = model;
  }

  static async start(): Promise<TracedApps> {
    const model = await startStub();
    const usage = { prompt_tokens: 1, completion_tokens: 2 };
    const answer = { model: 'gpt-4o', choices: [], usage };
    model.handler = ({ url }, response) =>
      sendJson(response, 200, url === '/v1/messages' ? OF_CLAUDE : answer);
    return new TracedApps(await OtlpReceiver.start({ foreign: true }), model);
  }

  /** @param file of the app, among the fixtures. */
  async app(
    file: string,
    service: string,
    { env = {}, requires = [PRELOAD] }: StartOptions = {},
  ): Promise<TracedApp> {
    const child = fork(join(FIXTURES, file), {
      execArgv: requires.flatMap((name) => ['--require', name]),
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        NERVECENTER_DATA_DIR: join(this.directory, service),
        NERVECENTER_PORT: '0',
        OTEL_SERVICE_NAME: service,
        OTEL_EXPORTER_OTLP_ENDPOINT: this.receiver.url,
        MODEL_URL: this.#model.url,
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#children.push(child);
    let said = '';
    child.stderr?.on('data', (text: Buffer) => {
      said += text;
      process.stderr.write(text);
    });
    const told: Record<string, unknown>[] = [];
    const port = await new Promise<number>((resolve) => {
      child.on('message', (message) => {
        if (typeof message === 'number') resolve(message);
        else told.push(message as Record<string, unknown>);
      });
    });
    return { url: `http://127.0.0.1:${port}`, child, told, said: () => said };
  }

  async stop(): Promise<void> {
    for (const child of this.#children.splice(0)) await kill(child);
    await this.receiver.stop();
    await this.#model.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Ends a process at once, and returns when it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The values of one header, as a server told them that answers with all it got. */
export async function headersSeen(answer: Response, name: string): Promise<string[]> {
  const raw = (await answer.json()) as readonly string[];
  return raw.filter((_value, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name);
}

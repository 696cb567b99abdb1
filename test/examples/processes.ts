import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from '../support/poll.ts';

/** A program of this repository running as a child, with all it said so far. */
export interface Running {
  readonly child: ChildProcess;
  output(): string;
  /** Asks it to stop and waits until it has; returns its exit code, `null` when a signal ended it. */
  stop(): Promise<number | null>;
}

const root = join(import.meta.dirname, '..', '..');
const PROVIDER_SETTINGS = /^(OPENAI|ANTHROPIC)_/;

/** Starts `node ...args` in the repository's root; keys of real providers in the environment stay out of it. */
export function start(args: readonly string[], env: Readonly<Record<string, string>>): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !PROVIDER_SETTINGS.test(name));
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'close');
  return {
    child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
  };
}

/** Waits until the program has said something that matches, and returns the first group. */
export async function said(running: Running, pattern: RegExp): Promise<string> {
  const match = await until(
    () => {
      if (running.child.exitCode !== null) throw new Error(`ended early: ${running.output()}`);
      return pattern.exec(running.output());
    },
    { what: String(pattern) },
  );
  return match[1] ?? '';
}

/** Starts the provider stub without latency; `url` is where it listens. */
export async function startStub(
  env: Readonly<Record<string, string>> = {},
): Promise<Running & { readonly url: string }> {
  const running = start(['examples/rag-app/provider-stub.js'], {
    STUB_PORT: '0',
    STUB_FAULT_RATE: '0',
    STUB_LATENCY_SCALE: '0',
    ...env,
  });
  return { ...running, url: await said(running, /listening on (\S+)/) };
}

/** Starts the sample app without the agent; `url` is where it listens. */
export async function startApp(stubUrl: string): Promise<Running & { readonly url: string }> {
  const running = start(['examples/rag-app/app.js'], { PORT: '0', PROVIDER_STUB_URL: stubUrl });
  return { ...running, url: await said(running, /listening on (\S+)/) };
}

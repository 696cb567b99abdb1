import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const STOP_MS = 10_000;
/** Kept of what it says, for the case that it fails. */
const STDERR_CHARACTERS_MAX = 2000;

interface ChildOptions {
  /** Flags before the script. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** A process of its own that answers one question at a time over its IPC channel. */
export class Child {
  readonly #child: ChildProcess;
  #stderr = '';

  /** @param script below `bench/`. */
  constructor(script: string, { flags = [], env = {}, args = [] }: ChildOptions = {}) {
    this.#child = fork(join(import.meta.dirname, script), args, {
      execArgv: [...flags],
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-STDERR_CHARACTERS_MAX);
    });
  }

  /** What it says next. */
  async next<T>(): Promise<T> {
    const ended = new AbortController();
    try {
      const message = once(this.#child, 'message', { signal: ended.signal }).then(([first]) => first as T);
      const exit = once(this.#child, 'exit', { signal: ended.signal }).then(([code]) => {
        throw new Error(`a process of the benchmark ended with ${code}: ${this.#stderr}`);
      });
      exit.catch(() => {});
      return await Promise.race([message, exit]);
    } finally {
      ended.abort();
    }
  }

  ask<T>(question: unknown): Promise<T> {
    const answer = this.next<T>();
    this.#child.send(question as object);
    return answer;
  }

  /** Lets it end by itself, and ends it when it does not. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    if (this.#child.connected) this.#child.disconnect();
    await exit;
    clearTimeout(late);
  }
}

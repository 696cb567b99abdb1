import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { keptAdminToken } from '../../src/collector/kept-secrets.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { until } from './poll.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** What users load from a checkout; it needs the build. */
export const PRELOAD = join(ROOT, 'otel.js');
/** Starting embedded Postgres for the first time takes seconds on a busy machine. */
const START_TIMEOUT_MS = 60_000;

export interface ObservedAppOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Flags before the script. @default ['--require', PRELOAD] */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly dataDir?: string;
  /** Of standard input. @default there is none */
  readonly input?: string;
}

/** A real app in a process of its own, with the agent in front and a collector inside, on ports of its own. */
export class ObservedApp {
  readonly child: ChildProcess;
  readonly dataDir: string;
  stdout = '';
  stderr = '';
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(script: string, options: ObservedAppOptions = {}) {
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    this.#cwd = options.cwd ?? this.dataDir;
    this.#env = { NERVECENTER_DATA_DIR: join(this.dataDir, 'data'), ...options.env };
    this.child = spawn(
      process.execPath,
      [...(options.flags ?? ['--require', PRELOAD]), script, ...(options.args ?? [])],
      {
        cwd: this.#cwd,
        env: { PATH: process.env['PATH'], HOME: this.dataDir, NERVECENTER_PORT: '0', ...this.#env },
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      },
    );
    this.child.stdin?.end(options.input);
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
  }

  /** The port the app printed as `port 1234`. */
  async appUrl(): Promise<string> {
    await until(() => /^port \d+$/m.test(this.stdout) || this.exited, { timeoutMs: START_TIMEOUT_MS });
    return `http://127.0.0.1:${/^port (\d+)$/m.exec(this.stdout)?.[1]}`;
  }

  /** Resolves once the start message is printed. */
  async started(): Promise<void> {
    await until(() => /^ {2}stop /m.test(this.stderr) || this.exited, { timeoutMs: START_TIMEOUT_MS });
    if (this.exited) throw new Error(`the app has exited: ${this.stderr}`);
  }

  get dashboardUrl(): string {
    const url = /^ {2}dashboard +(http:\/\/127\.0\.0\.1:\d+)/m.exec(this.stderr)?.[1];
    if (url === undefined) throw new Error(`no dashboard URL in: ${this.stderr}`);
    return url;
  }

  /** The admin token: what is set, or what its collector keeps. */
  get token(): string {
    const { NERVECENTER_ADMIN_TOKEN: chosen = '', NERVECENTER_DATA_DIR: dataDir = '' } = this.#env;
    const [first = ''] = chosen.split(',', 1);
    return first || (keptAdminToken(resolve(this.#cwd, dataDir || '.nervecenter')) ?? '');
  }

  async get(path: string): Promise<Response> {
    return fetch(`${this.dashboardUrl}${path}`, { headers: { authorization: `Bearer ${this.token}` } });
  }

  async snapshot(): Promise<Snapshot> {
    return (await (await this.get('/api/metrics/snapshot')).json()) as Snapshot;
  }

  /** Polls snapshots until one satisfies `condition`, and returns it. */
  async snapshotWhen(condition: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
    let latest = await this.snapshot();
    await until(async () => {
      latest = await this.snapshot();
      return condition(latest);
    });
    return latest;
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** How the process ended, once it has. */
  async end(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
    if (!this.exited) await once(this.child, 'close');
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }

  /** Ends the app and removes what it wrote. */
  async stop(): Promise<void> {
    if (!this.exited) {
      this.child.kill('SIGTERM');
      await this.end();
    }
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { keptAdminToken } from '../../src/collector/kept-secrets.ts';
import { WITHOUT_OTLP } from '../support/free-port.ts';
import { until } from '../support/poll.ts';

/** What the bin of the package is; it needs the build. */
const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const TIMEOUT_MS = 60_000;
/** A whole start notice of a collector that made its token itself. */
const DASHBOARD = /dashboard +(http:\/\/127\.0\.0\.1:\d+)\/login#code=\w+\n(?:.*\n)* {2}stop .*\n/;

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** One run of `nervecenter` in a process of its own, with no setting but the ones given; it takes OTLP only if they say so. */
export class Command {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #cwd: string;
  readonly #dataDir: string;

  constructor(args: readonly string[], { cwd, env }: CommandOptions) {
    this.#cwd = cwd;
    this.#dataDir = env?.['NERVECENTER_DATA_DIR'] ?? '.nervecenter';
    this.child = spawn(process.execPath, [CLI, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, ...WITHOUT_OTLP, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
  }

  /** The exit code, once the command has ended by itself. */
  async end(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    return this.child.exitCode;
  }

  /** Resolves once `pattern` was printed on stderr. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    return until(() => pattern.exec(this.stderr), {
      timeoutMs: TIMEOUT_MS,
      what: `${pattern} in: ${this.stderr}`,
    });
  }

  /** Where the dashboard of a collector is, once it says so, and the admin token it keeps. */
  async dashboard(): Promise<{ readonly url: string; readonly token: string }> {
    const [, url = ''] = await this.says(DASHBOARD);
    return { url, token: keptAdminToken(resolve(this.#cwd, this.#dataDir)) ?? '' };
  }

  /** For `finally`: whatever happened, nothing is left running. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.end();
  }
}

/** Runs a command that ends by itself. */
export async function nervecenter(
  args: readonly string[],
  options: CommandOptions,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const command = new Command(args, options);
  const code = await command.end();
  return { code, stdout: command.stdout, stderr: command.stderr };
}

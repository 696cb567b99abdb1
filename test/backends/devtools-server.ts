import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/poll.ts';

const START_TIMEOUT_MS = 60_000;

/** A span as the backend gives it back. */
export interface ShownSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT';
  readonly startTime: number;
  readonly endTime: number;
  /** Those of its resource among them. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: 'UNSET' | 'OK' | 'ERROR' };
  readonly scope: { readonly name: string };
}

/** The OTLP backend `autotel-devtools` of npm: receives over HTTP and gRPC, keeps traces in SQLite, shows them in a page. */
export class DevtoolsServer {
  readonly http: string;
  readonly grpc: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(
    child: ChildProcess,
    directory: string,
    addresses: readonly [http: string, grpc: string],
  ) {
    this.#child = child;
    this.#directory = directory;
    [this.http, this.grpc] = addresses;
  }

  static async start(): Promise<DevtoolsServer> {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-backend-'));
    const ports = ['--port', '0', '--grpc-port', '0'];
    const child = spawn('autotel-devtools', ports, {
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const addresses = await until(
      () => {
        const [http] = /http:\/\/127\.0\.0\.1:\d+(?=\/v1\/traces)/.exec(said) ?? [];
        const [, grpc] = /OTLP\/gRPC: (\S+)/.exec(said) ?? [];
        return http !== undefined && grpc !== undefined ? ([http, `http://${grpc}`] as const) : null;
      },
      { timeoutMs: START_TIMEOUT_MS, what: 'the backend listens' },
    );
    return new DevtoolsServer(child, directory, addresses);
  }

  async spans(): Promise<readonly ShownSpan[]> {
    const response = await fetch(`${this.http}/v1/traces`);
    const { traces } = (await response.json()) as { traces: readonly { spans: readonly ShownSpan[] }[] };
    return traces.flatMap(({ spans }) => spans);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill();
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';

const START_TIMEOUT_MS = 60_000;

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The VictoriaMetrics of Debian's packages, a database for metrics that takes OTLP and answers PromQL. */
export class VictoriaMetrics {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(child: ChildProcess, directory: string, url: string) {
    this.#child = child;
    this.#directory = directory;
    this.url = url;
  }

  static async start(): Promise<VictoriaMetrics> {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-backend-'));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      'victoria-metrics',
      [
        `-httpListenAddr=${address}`,
        `-storageDataPath=${directory}`,
        '-opentelemetry.usePrometheusNaming',
        '-search.latencyOffset=0s',
        '-search.disableCache',
      ],
      { stdio: 'ignore' },
    );
    const server = new VictoriaMetrics(child, directory, `http://${address}`);
    await until(() => server.#answers(), { timeoutMs: START_TIMEOUT_MS, what: 'VictoriaMetrics answers' });
    return server;
  }

  async query(promql: string): Promise<readonly Series[]> {
    await fetch(`${this.url}/internal/force_flush`);
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: promql })}`);
    const { status, data, error } = (await response.json()) as {
      readonly status: string;
      readonly error?: string;
      readonly data: {
        readonly result: readonly { metric: Series['labels']; value: readonly [number, string] }[];
      };
    };
    if (status !== 'success') throw new Error(`${promql}: ${error}`);
    return data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
  }

  /** The one value of a query. */
  async value(promql: string): Promise<number | undefined> {
    const [series, ...more] = await this.query(promql);
    if (more.length > 0) throw new Error(`${promql} has ${more.length + 1} values`);
    return series?.value;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill();
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`VictoriaMetrics ended with ${this.#child.exitCode}`);
    const response = await fetch(`${this.url}/health`).catch(() => null);
    return response?.ok === true;
  }
}

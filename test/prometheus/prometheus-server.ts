import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/poll.ts';

const START_TIMEOUT_MS = 60_000;

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly timestamp: number;
}

interface Target {
  readonly health: string;
  readonly lastError: string;
}

/** A Prometheus of its own: scrapes one address every second, and answers PromQL. */
export class PrometheusServer {
  readonly #child: ChildProcess;
  readonly #directory: string;
  #url = '';

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
  }

  /** @param features what `--enable-feature` switches on. */
  static async start(target: string, features: readonly string[] = []): Promise<PrometheusServer> {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-prometheus-'));
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'nervecenter', static_configs: [{ targets: [target] }] }],
    };
    writeFileSync(join(directory, 'prometheus.yml'), JSON.stringify(config));
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(directory, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
        ...(features.length > 0 ? [`--enable-feature=${features.join(',')}`] : []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const server = new PrometheusServer(child, directory);
    try {
      server.#url = `http://${await server.#address()}`;
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async query(promql: string): Promise<readonly Sample[]> {
    const { result } = await this.#get<{
      result: readonly { metric: Sample['metric']; value: [number, string] }[];
    }>(`query?${new URLSearchParams({ query: promql })}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The one value of a query; `null` where it has none. */
  async value(promql: string): Promise<number | null> {
    const [sample, ...more] = await this.query(promql);
    if (more.length > 0) throw new Error(`${promql} has ${more.length + 1} values`);
    return sample?.value ?? null;
  }

  async exemplars(promql: string): Promise<readonly Exemplar[]> {
    const [start, end] = [Date.now() / 1000 - 3600, Date.now() / 1000 + 60].map(String);
    const parameters = new URLSearchParams({ query: promql, start: `${start}`, end: `${end}` });
    const series = await this.#get<readonly { exemplars: readonly Exemplar[] }[]>(
      `query_exemplars?${parameters}`,
    );
    return series.flatMap(({ exemplars }) => exemplars);
  }

  async target(): Promise<Target | undefined> {
    return (await this.#get<{ activeTargets: readonly Target[] }>('targets')).activeTargets[0];
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill();
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }

  /** It says in its log where it listens, and that it is ready, in either order. */
  async #address(): Promise<string> {
    const said: string[] = [];
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text));
    const ended = once(this.#child, 'exit').then(() => {
      throw new Error(`Prometheus ended: ${said.join('').slice(-1000)}`);
    });
    const listening = until(
      () => {
        const log = said.join('');
        const [, address] = / msg="Listening on" address=(\S+)/.exec(log) ?? [];
        return log.includes('Server is ready') ? address : undefined;
      },
      { timeoutMs: START_TIMEOUT_MS, what: 'Prometheus listens' },
    );
    return Promise.race([listening, ended]);
  }
}

/** What Prometheus' own linter says of a text; nothing when it is clean. */
export async function lint(text: string): Promise<string> {
  const child = execFile('promtool', ['check', 'metrics']);
  let said = '';
  for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => (said += chunk));
  child.stdin?.end(text);
  await once(child, 'close');
  return said.trim();
}

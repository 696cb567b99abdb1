import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collector, startCollector } from '../../../src/collector/start.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Message, Signal } from '../../support/otlp/messages.ts';
import { OtlpReceiver, type ReceiverOptions } from '../../support/otlp/receiver.ts';

/** Runs what a test starts, and stops it. */
export class Running {
  readonly #stops: (() => unknown)[] = [];

  stopping(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }

  directory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    this.stopping(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
  }

  async receiver(options: ReceiverOptions = {}): Promise<OtlpReceiver> {
    const receiver = await OtlpReceiver.start({ foreign: true, ...options });
    this.stopping(() => receiver.stop());
    return receiver;
  }

  async collector(env: Readonly<Record<string, string>>, dataDir = this.directory()): Promise<Taking> {
    const taking = await startTaking(env, dataDir);
    this.stopping(() => taking.collector.shutdown(2000));
    return taking;
  }
}

/** A collector that takes OTLP and sends it on. */
export interface Taking {
  readonly collector: Collector;
  readonly http: string;
  readonly grpc: string;
  readonly lines: string[];
  metric(name: string): Promise<number>;
}

export async function startTaking(env: Readonly<Record<string, string>>, dataDir: string): Promise<Taking> {
  const lines: string[] = [];
  const config = readConfig(
    {
      NERVECENTER_PORT: '0',
      NERVECENTER_OTLP_PORT: '0',
      NERVECENTER_OTLP_GRPC_PORT: '0',
      NERVECENTER_STORAGE: 'off',
      NERVECENTER_DATA_DIR: dataDir,
      NERVECENTER_INTERVAL_MS: '1000',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      ...env,
    },
    dataDir,
  );
  const log = (component: string, line: string) => lines.push(`${component}: ${line}`);
  const collector = await startCollector({ config, log, host: null });
  const notice = await collector.ready;
  const [, http = '', grpc = ''] = /otlp +(\S+) \(HTTP\), (\S+) \(gRPC\)/.exec(notice) ?? [];
  const metric = async (name: string) => {
    const text = await (await fetch(new URL('/metrics', collector.url))).text();
    const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  };
  return { collector, http, grpc, lines, metric };
}

const LISTS = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
} as const;

/** Every span or log record that a receiver has, with all that it says of its resource and scope. */
export function recordsOf({ requests }: OtlpReceiver, signal: Signal): Message[] {
  const [resources, scopes, records] = LISTS[signal];
  const list = (of: Message, name: string) => (of[name] ?? []) as Message[];
  return requests
    .filter((one) => one.signal === signal)
    .flatMap(({ request }) => list(request, resources))
    .flatMap(({ resource, schemaUrl, ...rest }) =>
      list(rest, scopes).flatMap((scoped) =>
        list(scoped, records).map((record) =>
          plain({ resource, schemaUrl, scope: scoped['scope'], scopeSchemaUrl: scoped['schemaUrl'], record }),
        ),
      ),
    )
    .toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

function keyOf({ record }: Message): string {
  const { traceId, spanId, eventName } = record as Message;
  return `${traceId} ${spanId} ${eventName}`;
}

/** What JSON and protobuf write differently, or leave out, for the same: defaults, and numbers as texts. */
function plain(value: unknown): Message {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => {
      if (one === '' || one === 0 || (Array.isArray(one) && one.length === 0)) return undefined;
      return typeof one === 'number' ? String(one) : one;
    }),
  ) as Message;
}

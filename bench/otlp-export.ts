// What sending by OTLP costs: model calls from the spool to the request's bytes, and all the way to a receiver.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOtlpExporter, type OtlpExporter } from '../src/collector/sinks/otlp/exporter.ts';
import { readConfig } from '../src/config/config.ts';
import type { Sender } from '../src/core/event.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import type { Figure } from './figure.ts';
import { median, round } from './measure.ts';
import { request, SPANS } from './otlp.ts';
import { OTLP_SCHEMA } from './otlp-schema.ts';
import { type Protobufjs, peer } from './peers.ts';
import { llmCallEvent } from './synthetic.ts';

const SPANS_PER_SECOND_MIN = 50_000;
const ROUNDS = 5;
const BATCHES = 250;
/** As an agent hands over. */
const BATCH = 200;
const MODELS = 16;
/** Processes they come from. */
const SENDERS = 10;
/** As SDKs send. */
const REQUESTS = 100;

export async function run(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const compression of ['none', 'gzip']) figures.push(await sending(compression));
  return [...figures, await forwarding()];
}

/** What was received goes on as it came: nothing of it is made anew. */
async function forwarding(): Promise<Figure> {
  const { parse } = peer<Protobufjs>('protobufjs');
  const type = parse(OTLP_SCHEMA).root.lookupType('otlp.TracesRequest');
  const body = Buffer.from(type.encode(type.fromObject(request())).finish());
  const received = { signal: 'traces', encoding: 'protobuf', body, records: SPANS, via: [] } as const;
  const offer = (exporter: OtlpExporter) =>
    Promise.all(
      Array.from({ length: REQUESTS }, () => exporter.forward({ ...received, digest: randomUUID() })),
    );
  const samples: number[] = [];
  for (let done = 0; done < ROUNDS; done++) samples.push(await spansPerSecond('none', offer));
  return {
    what: `Received spans, ${SPANS} of 12 attributes a request, accepted to received, http/protobuf`,
    ours: `${round(median(samples) / 1000)}k/s`,
    raw: `${samples.map((sample) => round(sample / 1000)).join(', ')}k/s; ${REQUESTS * SPANS} spans each, spool on disk`,
  };
}

async function sending(compression: string): Promise<Figure> {
  const samples: number[] = [];
  const senders = Array.from({ length: SENDERS }, () => ({ instanceId: randomUUID(), service: 'bench' }));
  const batches = Array.from({ length: BATCHES / SENDERS }).flatMap(() => senders.map(batchOfCalls));
  const offer = (exporter: OtlpExporter) => Promise.all(batches.map((events) => exporter.offer(events)));
  for (let done = 0; done < ROUNDS; done++) samples.push(await spansPerSecond(compression, offer));
  const rate = median(samples);
  return {
    what: `Model calls as spans, accepted to received, http/protobuf, compression ${compression}`,
    budget: `>= ${SPANS_PER_SECOND_MIN.toLocaleString('en')}/s`,
    within: rate >= SPANS_PER_SECOND_MIN,
    ours: `${round(rate / 1000)}k/s`,
    raw: `${samples.map((sample) => round(sample / 1000)).join(', ')}k/s; ${BATCHES * BATCH} spans each, spool on disk`,
  };
}

async function spansPerSecond(
  compression: string,
  offer: (exporter: OtlpExporter) => Promise<unknown>,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nervecenter-bench-'));
  const receiver = createServer((request, response) => {
    request.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  const { port } = receiver.address() as AddressInfo;
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    OTEL_LOGS_EXPORTER: 'none',
    NERVECENTER_DATA_DIR: directory,
  };
  const config = readConfig(env, directory);
  const exporter = await createOtlpExporter({ config, log: () => {}, host: null });
  await exporter.start();
  const startMs = performance.now();
  await offer(exporter);
  await exporter.shutdown(60_000);
  const seconds = (performance.now() - startMs) / 1000;
  const { accepted = 0, exported = 0 } = exporter.counts()[0] ?? {};
  if (exported < accepted) throw new Error(`${exported} of ${accepted} were exported`);
  receiver.close();
  rmSync(directory, { recursive: true, force: true });
  return exported / seconds;
}

function batchOfCalls(sender: Sender): NervecenterEvent[] {
  return Array.from({ length: BATCH }, (_, index) => ({ ...llmCallEvent(index, MODELS), sender }));
}

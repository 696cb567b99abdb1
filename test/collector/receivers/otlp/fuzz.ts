// Sends mutated bodies, bombs and broken frames of gRPC to a whole collector that sends them on:
// `node --expose-gc test/collector/receivers/otlp/fuzz.ts 200000`. A test sends a tenth, to the listeners alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { OtlpSignal } from '../../../../src/collector/receivers/otlp/listen/statistics.ts';
import { mutated, mutatedOnce, Random } from '../../../support/fuzz/mutations.ts';
import { startTaking } from '../../forwarding/collectors.ts';
import { messageOf, protobufOf } from './messages.ts';
import { GrpcSender } from './receiver.ts';

const CONCURRENT = 16;
/** One in so many goes over gRPC, by a client that frames messages as it should. */
const GRPC_SHARE = 8;
/** One in so many is a message over gRPC whose frame is mutated as well. */
const FRAME_SHARE = 15;
/** One in so many is small and inflates to more than a body may have. */
const BOMB_SHARE = 401;
const BOMB_BYTES = 64 * 1024 ** 2;
const RSS_SAMPLES = 8;
const ANSWER_MS_MAX = 60_000;

const EXAMPLES = (
  [
    ['traces', 'trace'],
    ['metrics', 'metrics'],
    ['logs', 'logs'],
    ['logs', 'events'],
  ] as const
).map(([signal, name]) => {
  const text = readFileSync(join(import.meta.dirname, 'examples', `${name}.json`), 'utf8');
  return { signal, json: Buffer.from(text), protobuf: protobufOf(signal, JSON.parse(text)) };
});
EXAMPLES.push(exampleOfCall());

/** A model call with attributes that rows are not made of, which are read last: when its trace is decided. */
function exampleOfCall(): (typeof EXAMPLES)[number] {
  const texts = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' };
  const attributes = [
    ...Object.entries(texts).map(([key, stringValue]) => ({ key, value: { stringValue } })),
    ...Array.from({ length: 20 }, (_, at) => ({ key: `x${at}`, value: { doubleValue: at + 0.5 } })),
  ];
  const ids = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' };
  const span = { ...ids, kind: 3, endTimeUnixNano: '1790000000000000000', attributes };
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] };
  return {
    signal: 'traces',
    json: Buffer.from(JSON.stringify(request)),
    protobuf: protobufOf('traces', request),
  };
}

interface Sent {
  readonly signal: OtlpSignal;
  readonly json: boolean;
  readonly compression: 'identity' | 'gzip' | 'zstd';
  readonly body: Buffer;
}

function broken(random: Random): Sent {
  const example = random.of(EXAMPLES);
  const json = random.below(2) === 0;
  const compression = random.of(['identity', 'identity', 'gzip', 'zstd'] as const);
  const compressFirst = random.below(4) === 0;
  const compress = { identity: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync }[
    compression
  ];
  let body: Buffer = json ? example.json : example.protobuf;
  if (compressFirst) body = compress(body);
  body = mutated(body, random);
  return { signal: example.signal, json, compression, body: compressFirst ? body : compress(body) };
}

const BOMBS: readonly Sent[] = (['gzip', 'zstd'] as const).flatMap((compression) => {
  const zeros = Buffer.alloc(BOMB_BYTES);
  const once = compression === 'gzip' ? gzipSync(zeros) : zstdCompressSync(zeros);
  // Several members of gzip, or frames of zstd, one behind the other are one body.
  return [once, Buffer.concat([once, once, once, once])].map(
    (body): Sent => ({
      signal: 'traces',
      json: true,
      compression,
      body,
    }),
  );
});

/** A message as gRPC frames it, or nearly so: a flag for compression, its length, its bytes. */
function framed({ body }: Sent, random: Random): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return mutatedOnce(Buffer.concat([head, body]), random);
}

/** How often each answer came; by status, and `grpc` with its code. */
export interface FuzzResult {
  readonly answers: Readonly<Record<string, number>>;
  /** Answers that are neither 200 nor 4xx with a reason. */
  readonly wrong: readonly string[];
  readonly rssGrownMib: number;
  /** The process's memory at equal parts of the way. */
  readonly rssMib: readonly number[];
}

/** Where it is sent to. */
export interface Victim {
  readonly http: string;
  readonly grpc: string;
  /** Drops what a test keeps of what came, which would hide what is leaked. */
  readonly forget: () => void;
}

export async function fuzz(
  victim: Victim,
  sender: GrpcSender,
  count: number,
  seed: number,
): Promise<FuzzResult> {
  const random = new Random(seed);
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
  const session = connect(victim.grpc);
  const answers: Record<string, number> = {};
  const wrong: string[] = [];
  const rss = () => Math.round(process.memoryUsage().rss / 1024 ** 2);
  const before = rss();
  const rssMib: number[] = [];
  let left = count;
  const note = (answer: string, right: boolean, sent: Sent) => {
    answers[answer] = (answers[answer] ?? 0) + 1;
    if (!right) wrong.push(`${answer} for ${sent.signal} ${sent.body.toString('base64')}`);
  };
  const work = async () => {
    while (left-- > 0) {
      if (left % Math.ceil(count / RSS_SAMPLES) === 0) rssMib.push(rss());
      const sent = left % BOMB_SHARE === 0 ? random.of(BOMBS) : broken(random);
      victim.forget();
      if (left % BOMB_SHARE !== 0 && left % FRAME_SHARE === 0) {
        await inFrames(session, { ...sent, body: framed(sent, random) }, note);
      } else if (left % BOMB_SHARE !== 0 && left % GRPC_SHARE === 0) await overGrpc(sender, sent, note);
      else await overHttp(victim.http, agent, sent, note);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
  agent.destroy();
  session.close();
  return { answers, wrong, rssGrownMib: rss() - before, rssMib };
}

type Note = (answer: string, right: boolean, sent: Sent) => void;

async function overGrpc(sender: GrpcSender, sent: Sent, note: Note): Promise<void> {
  const answer = await sender.send(sent.signal, sent.body);
  if (Buffer.isBuffer(answer)) note('grpc 0', true, sent);
  else note(`grpc ${answer.code}`, answer.code === 3 && answer.details !== '', sent);
}

const SERVICES: Readonly<Record<OtlpSignal, string>> = {
  traces: 'trace.v1.TraceService',
  metrics: 'metrics.v1.MetricsService',
  logs: 'logs.v1.LogsService',
};

/** Frames that a client of gRPC would not send. */
function inFrames(session: ClientHttp2Session, sent: Sent, note: Note): Promise<void> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/opentelemetry.proto.collector.${SERVICES[sent.signal]}/Export`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let [code, details] = ['none', ''];
    const take = (headers: Readonly<Record<string, unknown>>) => {
      code = String(headers['grpc-status'] ?? code);
      details = String(headers['grpc-message'] ?? details);
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('error', () => {}); // It closes after that, and then it is seen what came.
    stream.setTimeout(ANSWER_MS_MAX, () => stream.close());
    stream.on('close', () => {
      note(`frame ${code}`, code === '0' || (code !== 'none' && details !== ''), sent);
      resolve();
    });
    stream.resume();
    stream.end(sent.body);
  });
}

function overHttp(url: string, agent: Agent, sent: Sent, note: Note): Promise<void> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': sent.json ? 'application/json' : 'application/x-protobuf',
      'content-encoding': sent.compression,
    };
    const outgoing = request(`${url}/v1/${sent.signal}`, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const refused = status >= 400 && status < 500 && reasonIn(Buffer.concat(chunks), sent.json) !== '';
        note(String(status), status === 200 || refused, sent);
        resolve();
      });
    });
    outgoing.on('error', (error) => {
      note(error.message, false, sent);
      resolve();
    });
    outgoing.end(sent.body);
  });
}

function reasonIn(body: Buffer, json: boolean): string {
  const status = json
    ? (JSON.parse(body.toString()) as Record<string, unknown>)
    : messageOf('RpcStatus', body);
  return String(status['message'] ?? '');
}

if (import.meta.main) {
  const stops: (() => unknown)[] = [];
  const context = { onTestFinished: (stop: () => unknown) => void stops.push(stop) } as never;
  const target = createServer((incoming, response) => {
    incoming.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => target.once('listening', resolve));
  const directory = mkdtempSync(join(tmpdir(), 'nervecenter-fuzz-'));
  const endpoint = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const taking = await startTaking({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, directory);
  const victim = { ...taking, forget: () => {} };
  const result = await fuzz(
    victim,
    new GrpcSender(context, taking.grpc),
    Number(process.argv[2] ?? 20_000),
    20_261_128,
  );
  globalThis.gc?.();
  const heapMib = Math.round(process.memoryUsage().heapUsed / 1024 ** 2);
  const sentOn = await taking.metric('nervecenter_otlp_export_exported_total');
  const unreadable = await taking.metric('nervecenter_otlp_export_dropped_total');
  console.log({ ...result, heapMib, sentOn, unreadable, logs: taking.lines });
  for (const stop of stops.toReversed()) await stop();
  await taking.collector.shutdown(5000);
  target.closeAllConnections();
  target.close();
  rmSync(directory, { recursive: true, force: true });
}

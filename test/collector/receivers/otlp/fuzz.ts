// Sends mutated bodies to real listeners: `node test/collector/receivers/otlp/fuzz.ts 200000`. A test sends a tenth.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { OtlpSignal } from '../../../../src/collector/receivers/otlp/listen/statistics.ts';
import { messageOf, protobufOf } from './messages.ts';
import { GrpcSender, type Receiver, startReceiver } from './receiver.ts';

const CONCURRENT = 16;
/** One in so many goes over gRPC. */
const GRPC_SHARE = 8;
const MUTATIONS_MAX = 6;

/** Marsaglia's xorshift: the same numbers for the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

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

type Mutation = (bytes: Buffer, random: (below: number) => number) => Buffer;

const spliced = (bytes: Buffer, at: number, removed: number, added: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed))]);

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy.writeUInt8(random(256), random(copy.length));
    return copy;
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const at = random(copy.length + 1);
    if (at < copy.length) copy.writeUInt8((copy[at] ?? 0) ^ (1 << random(8)), at);
    return copy;
  },
  (bytes, random) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes, random) => spliced(bytes, random(bytes.length + 1), random(8), Buffer.alloc(0)),
  (bytes, random) =>
    spliced(
      bytes,
      random(bytes.length + 1),
      0,
      Buffer.from(Array.from({ length: random(12) }, () => random(256))),
    ),
  (bytes, random) => {
    const from = random(bytes.length + 1);
    return spliced(bytes, random(bytes.length + 1), 0, bytes.subarray(from, from + random(64)));
  },
  (bytes, random) => spliced(bytes, random(bytes.length + 1), 1, Buffer.alloc(10, 0xff)),
  // What parsers of JSON stumble over.
  (bytes, random) =>
    spliced(
      bytes,
      random(bytes.length + 1),
      random(4),
      Buffer.from(['[', '{', '"', '1e999', 'null', '\\u0000', '-0'][random(7)] ?? ''),
    ),
];

interface Sent {
  readonly signal: OtlpSignal;
  readonly json: boolean;
  readonly compression: 'identity' | 'gzip' | 'zstd';
  readonly body: Buffer;
}

function mutated(random: (below: number) => number): Sent {
  const example = EXAMPLES[random(EXAMPLES.length)] as (typeof EXAMPLES)[number];
  const json = random(2) === 0;
  const compression = (['identity', 'identity', 'gzip', 'zstd'] as const)[random(4)] ?? 'identity';
  const compressFirst = random(4) === 0;
  const compress = { identity: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync }[
    compression
  ];
  let body: Buffer = json ? example.json : example.protobuf;
  if (compressFirst) body = compress(body);
  for (let count = 1 + random(MUTATIONS_MAX); count > 0; count--) {
    body = MUTATIONS[random(MUTATIONS.length)]?.(body, random) ?? body;
  }
  return { signal: example.signal, json, compression, body: compressFirst ? body : compress(body) };
}

/** How often each answer came; by status, and `grpc` with its code. */
export interface FuzzResult {
  readonly answers: Readonly<Record<string, number>>;
  /** Answers that are neither 200 nor 4xx with a reason. */
  readonly wrong: readonly string[];
  readonly rssGrownMib: number;
}

export async function fuzz(
  receiver: Receiver,
  sender: GrpcSender,
  count: number,
  seed: number,
): Promise<FuzzResult> {
  const random = randomFrom(seed);
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
  const answers: Record<string, number> = {};
  const wrong: string[] = [];
  const before = process.memoryUsage().rss;
  let left = count;
  const note = (answer: string, right: boolean, sent: Sent) => {
    answers[answer] = (answers[answer] ?? 0) + 1;
    if (!right) wrong.push(`${answer} for ${sent.signal} ${sent.body.toString('base64')}`);
  };
  const work = async () => {
    while (left-- > 0) {
      const sent = mutated(random);
      receiver.received.length = 0; // What is kept of them would hide what is leaked.
      if (left % GRPC_SHARE === 0) await overGrpc(sender, sent, note);
      else await overHttp(receiver.http, agent, sent, note);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
  agent.destroy();
  return { answers, wrong, rssGrownMib: (process.memoryUsage().rss - before) / 1024 ** 2 };
}

type Note = (answer: string, right: boolean, sent: Sent) => void;

async function overGrpc(sender: GrpcSender, sent: Sent, note: Note): Promise<void> {
  const answer = await sender.send(sent.signal, sent.body);
  if (Buffer.isBuffer(answer)) note('grpc 0', true, sent);
  else note(`grpc ${answer.code}`, answer.code === 3 && answer.details !== '', sent);
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
  const receiver = await startReceiver(context);
  const result = await fuzz(
    receiver,
    new GrpcSender(context, receiver.grpc),
    Number(process.argv[2] ?? 20_000),
    20_261_128,
  );
  console.log({ ...result, logs: receiver.logs });
  for (const stop of stops.toReversed()) await stop();
}

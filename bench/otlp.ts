// Reading what OpenTelemetry's SDKs send, beside protobufjs; and all a listener does for a span over HTTP.
import { gunzipSync, gzipSync } from 'node:zlib';
import { OtlpDecoder } from '../src/collector/receivers/otlp/decode/decoder.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { cpuMsOfSync, interleaved, median, pairedRatio, spread } from './measure.ts';
import { text, whole } from './otlp-attributes.ts';
import { OTLP_SCHEMA } from './otlp-schema.ts';
import { wayOfSpans } from './otlp-way.ts';
import { type Protobufjs, peer } from './peers.ts';

/** As many as an SDK sends at once. */
export const SPANS = 512;
const REPETITIONS = 40;
const ROUNDS = 15;
const REQUESTS = 400;
/** So many senders keep the listener busy: one that waits for each answer measures waking up as well. */
const SENDERS = 4;
const HTTP_ROUNDS = 7;
const SPANS_PER_SECOND_MIN = 250_000;
const MICROSECONDS = 1000;
/** Where a gzip member has the time of the file: other bytes of the same content, which nobody takes for a retry. */
const GZIP_TIME_AT = 4;

/** Those of a model call that rows are made of. */
const WANTED_KEYS = [
  'gen_ai.operation.name',
  'gen_ai.provider.name',
  'gen_ai.request.model',
  'gen_ai.response.model',
  'gen_ai.response.id',
  'gen_ai.usage.input_tokens',
  'gen_ai.usage.output_tokens',
  'server.address',
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'user.id',
  'error.type',
  'retrieval.documents.*',
];

export async function run(): Promise<Figure[]> {
  const { parse } = peer<Protobufjs>('protobufjs');
  const type = parse(OTLP_SCHEMA).root.lookupType('otlp.TracesRequest');
  const body = Buffer.from(type.encode(type.fromObject(request())).finish());
  const json = Buffer.from(JSON.stringify(request('hex')));
  const gzipped = gzipSync(body);
  const wanted = new OtlpDecoder(WANTED_KEYS);
  const all = new OtlpDecoder(['*']);
  const repeated = (work: () => unknown) => () =>
    cpuMsOfSync(() => {
      for (let index = 0; index < REPETITIONS; index++) work();
    });
  const samples = await interleaved(ROUNDS, {
    gzip: repeated(() => wanted.spans(gunzipSync(gzipped), 'protobuf')),
    peerGzip: repeated(() => type.decode(gunzipSync(gzipped))),
    plain: repeated(() => wanted.spans(body, 'protobuf')),
    all: repeated(() => all.spans(body, 'protobuf')),
    peer: repeated(() => type.decode(body)),
    json: repeated(() => wanted.spans(json, 'json')),
    parse: repeated(() => JSON.parse(json.toString())),
  });
  const perSpan = (one: readonly number[]) => (median(one) * MICROSECONDS) / REPETITIONS / SPANS;
  const rate = 1_000_000 / perSpan(samples.gzip);
  const raw = (one: readonly number[]) =>
    `${spread(
      one.map((ms) => (ms * MICROSECONDS) / REPETITIONS / SPANS),
      'µs',
    )} a span`;
  return [
    {
      what: `${SPANS} spans of 12 attributes and an event out of gzip, the keys of rows read`,
      budget: `>= ${SPANS_PER_SECOND_MIN.toLocaleString('en')} spans/s`,
      within: rate >= SPANS_PER_SECOND_MIN,
      ours: `${Math.round(rate).toLocaleString('en')} spans/s`,
      peers: `protobufjs ${pairedRatio(samples.peerGzip, samples.gzip).toFixed(1)} x the time`,
      raw: `${raw(samples.gzip)}; protobufjs ${raw(samples.peerGzip)}; ${body.length.toLocaleString('en')} bytes, ${gzipped.length.toLocaleString('en')} as gzip`,
    },
    {
      what: 'the same without gzip',
      ours: `${perSpan(samples.plain).toFixed(2)} µs a span`,
      peers: `protobufjs ${pairedRatio(samples.peer, samples.plain).toFixed(1)} x`,
      raw: `${raw(samples.plain)}; protobufjs ${raw(samples.peer)}`,
    },
    {
      what: 'the same, all attributes read',
      ours: `${perSpan(samples.all).toFixed(2)} µs a span`,
      peers: `protobufjs ${pairedRatio(samples.peer, samples.all).toFixed(1)} x`,
      raw: raw(samples.all),
    },
    {
      what: 'the same in JSON',
      ours: `${perSpan(samples.json).toFixed(2)} µs a span`,
      peers: `\`JSON.parse\` alone ${pairedRatio(samples.parse, samples.json).toFixed(2)} x`,
      raw: `${raw(samples.json)}; ${json.length.toLocaleString('en')} bytes`,
    },
    await overHttp(gzipped),
    await wayOfSpans(type),
  ];
}

/** CPU of a process that does nothing but take them. */
async function overHttp(gzipped: Buffer): Promise<Figure> {
  const listener = new Child('otlp-listener.ts', { args: WANTED_KEYS });
  try {
    const { url } = await listener.next<{ url: string }>();
    let sent = 0;
    const send = async () => {
      const body = Buffer.from(gzipped);
      body.writeUInt32LE(++sent, GZIP_TIME_AT);
      const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
      const response = await fetch(`${url}/v1/traces`, { method: 'POST', body, headers });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`answered ${response.status}`);
    };
    const samples = await interleaved(HTTP_ROUNDS, {
      http: async () => {
        let left = REQUESTS;
        const sender = async () => {
          while (left-- > 0) await send();
        };
        await Promise.all(Array.from({ length: SENDERS }, sender));
        const { cpuMs, spans } = await listener.ask<{ cpuMs: number; spans: number }>('cpu');
        if (spans !== REQUESTS * SPANS) throw new Error(`${spans} spans came`);
        return (cpuMs * MICROSECONDS) / spans;
      },
    });
    const rate = 1_000_000 / median(samples.http);
    return {
      what: `the same over HTTP with gzip by ${SENDERS} senders: all that a listener does, of its process’s CPU`,
      budget: `>= ${SPANS_PER_SECOND_MIN.toLocaleString('en')} spans/s`,
      within: rate >= SPANS_PER_SECOND_MIN,
      ours: `${Math.round(rate).toLocaleString('en')} spans/s of one core`,
      raw: `${spread(samples.http, 'µs')} a span`,
    };
  } finally {
    await listener.stop();
  }
}

/** Model calls as an instrumentation describes them. @param ids as OTLP/JSON has them, or as protobufjs does. */
export function request(ids: 'hex' | 'base64' = 'base64'): object {
  const id = (bytes: number, number: number) => {
    const buffer = Buffer.alloc(bytes, 0xa5);
    buffer.writeUInt32BE(number, 0);
    return buffer.toString(ids);
  };
  const spans = Array.from({ length: SPANS }, (_, index) => ({
    traceId: id(16, index >> 2),
    spanId: id(8, index + 1),
    parentSpanId: id(8, index),
    name: `chat model-${index % 3}`,
    kind: 3,
    startTimeUnixNano: `17900000000${String(index).padStart(8, '0')}`,
    endTimeUnixNano: `17900000001${String(index).padStart(8, '0')}`,
    attributes: attributes(index),
    events: [{ name: 'first token', timeUnixNano: '1790000000500000000', attributes: [text('at', '3')] }],
    status: { code: 1 },
  }));
  const scope = { name: 'instrumentation', version: '1.0.0' };
  return {
    resourceSpans: [
      { resource: { attributes: [text('service.name', 'shop')] }, scopeSpans: [{ scope, spans }] },
    ],
  };
}

function attributes(index: number) {
  return [
    text('gen_ai.operation.name', 'chat'),
    text('gen_ai.provider.name', 'openai'),
    text('gen_ai.request.model', `model-${index % 3}`),
    text('gen_ai.response.model', `model-${index % 3}-2026-11-01`),
    text('gen_ai.response.id', `chatcmpl-${index}`),
    whole('gen_ai.usage.input_tokens', index * 13),
    whole('gen_ai.usage.output_tokens', index * 7),
    text('server.address', 'api.openai.com'),
    whole('server.port', 443),
    { key: 'gen_ai.request.temperature', value: { doubleValue: 0.5 } },
    text('http.request.method', 'POST'),
    text('app.tag', `tag ${index % 9}`),
  ];
}

import { randomBytes } from 'node:crypto';
import { encodeMessage } from './messages.ts';

/** What the spans of one trace become: a request, a model call, and the spans themselves, which are kept. */
export const SPANS_PER_TRACE = 4;
export const ROWS_PER_TRACE = 2 + SPANS_PER_TRACE;

const TRACE_ID_BYTES = 16;
/** What no other bytes of a batch have: there the ids of its traces are written. */
const MARK = Buffer.from('trace-id-');
const SPAN_MS = 5;

/**
 * Requests of OTLP that are encoded once: a web server that calls a model, over and over. Every copy has traces of its own, so
 * nobody takes it for a retry.
 */
export class SpanBatches {
  readonly #body: Buffer;
  readonly #placesOfIds: readonly number[];
  /** Of this sender; its batches are numbered. */
  readonly #ids = randomBytes(TRACE_ID_BYTES);
  #next = 0;

  constructor(traces: number, nowMs = Date.now()) {
    this.#body = batchOf(traces, nowMs);
    this.#placesOfIds = placesOf(MARK, this.#body);
  }

  get bytes(): number {
    return this.#body.length;
  }

  next(): Buffer {
    const copy = Buffer.from(this.#body);
    this.#ids.writeUInt32BE(++this.#next, 0);
    // The last bytes stay those of the batch: they tell its traces from each other.
    for (const place of this.#placesOfIds) this.#ids.copy(copy, place, 0, MARK.length);
    return copy;
  }
}

function placesOf(mark: Buffer, body: Buffer): number[] {
  const places: number[] = [];
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + 1)) places.push(at);
  return places;
}

function batchOf(traces: number, nowMs: number): Buffer {
  const spans = Array.from({ length: traces }, (_, trace) => spansOf(trace, nowMs)).flat();
  const attributes = [text('service.name', 'shop'), text('service.instance.id', 'a')];
  return encodeMessage('TracesRequest', {
    resourceSpans: [
      { resource: { attributes }, scopeSpans: [{ scope: { name: 'flood', version: '1.0.0' }, spans }] },
    ],
  });
}

/** A request, what it does, the model call and the HTTP request below it. */
function spansOf(trace: number, nowMs: number): object[] {
  const traceId = Buffer.concat([MARK, Buffer.alloc(TRACE_ID_BYTES - MARK.length)]);
  traceId.writeUInt32BE(trace, TRACE_ID_BYTES - 4);
  return [REQUEST, CHAIN, CALL, HTTP_BELOW].map((span, depth) => ({
    traceId,
    spanId: spanId(trace, depth),
    ...(depth === 0 ? {} : { parentSpanId: spanId(trace, depth - 1) }),
    startTimeUnixNano: nanoseconds(nowMs - SPAN_MS * (SPANS_PER_TRACE - depth)),
    endTimeUnixNano: nanoseconds(nowMs + SPAN_MS * (SPANS_PER_TRACE - depth)),
    ...span,
  }));
}

function spanId(trace: number, depth: number): Buffer {
  const id = Buffer.alloc(8, 0xa5);
  id.writeUInt32BE(trace, 0);
  id.writeUInt8(depth + 1, 7);
  return id;
}

const nanoseconds = (ms: number) => `${ms}000000`;
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const whole = (key: string, intValue: number) => ({ key, value: { intValue } });

const REQUEST = {
  name: 'POST /chat',
  kind: 2,
  attributes: [
    text('http.request.method', 'POST'),
    text('http.route', '/chat'),
    text('url.path', '/chat'),
    whole('http.response.status_code', 200),
    text('user.id', 'someone@example.com'),
  ],
};
const CHAIN = { name: 'answer', kind: 1, attributes: [text('app.step', 'answer')] };
const CALL = {
  name: 'chat gpt-4o-mini',
  kind: 3,
  attributes: [
    text('gen_ai.operation.name', 'chat'),
    text('gen_ai.provider.name', 'openai'),
    text('gen_ai.request.model', 'gpt-4o-mini'),
    text('gen_ai.response.model', 'gpt-4o-mini-2024-07-18'),
    whole('gen_ai.usage.input_tokens', 1300),
    whole('gen_ai.usage.output_tokens', 70),
    text('server.address', 'api.openai.com'),
    whole('server.port', 443),
  ],
};
const HTTP_BELOW = {
  name: 'POST',
  kind: 3,
  attributes: [
    text('http.request.method', 'POST'),
    text('server.address', 'api.openai.com'),
    whole('http.response.status_code', 200),
  ],
};

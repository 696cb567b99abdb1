// The way of spans that were received to bytes of rows, stage by stage, each beside protobufjs' `decode` of the same requests.
import { randomBytes } from 'node:crypto';
import { EventMeter } from '../src/collector/event-ledger.ts';
import { createPricer } from '../src/collector/pricing/pricer.ts';
import { OtlpDecoder } from '../src/collector/receivers/otlp/decode/decoder.ts';
import type { OtlpSpan } from '../src/collector/receivers/otlp/model.ts';
import { TraceAssembler } from '../src/collector/receivers/otlp/spans/assembler.ts';
import { wantedKeys } from '../src/collector/receivers/otlp/spans/people.ts';
import { encodeEvents } from '../src/collector/sinks/postgres/spool/batch.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import type { Figure } from './figure.ts';
import { cpuMsOfSync, interleaved, median, pairedRatio, round } from './measure.ts';
import { text, whole } from './otlp-attributes.ts';
import type { MessageType } from './peers.ts';

const REQUESTS = 20;
const TRACES_PER_REQUEST = 85;
const SPANS_PER_TRACE = 6;
const SPANS = REQUESTS * TRACES_PER_REQUEST * SPANS_PER_TRACE;
const ROUNDS = 9;
const MICROSECONDS = 1000;
/** As many as a batch of rows takes. */
const BATCH = 1000;
const STAGES = ['decode', 'assemble', 'decide', 'price', 'measure', 'rows'] as const;
const NAMES: Readonly<Record<(typeof STAGES)[number], string>> = {
  decode: 'decoding',
  assemble: 'traces put together, requests told, spans kept',
  decide: 'calls decided and told',
  price: 'prices',
  measure: 'figures',
  rows: 'bytes of rows',
};

export async function wayOfSpans(type: MessageType): Promise<Figure> {
  const bodies = Array.from({ length: REQUESTS }, () =>
    Buffer.from(type.encode(type.fromObject(requestOf(TRACES_PER_REQUEST))).finish()),
  );
  const way = new Way(bodies);
  const timed = (work: () => void) => () => cpuMsOfSync(work);
  const samples = await interleaved(ROUNDS, {
    peer: timed(() => {
      for (const body of bodies) type.decode(body);
    }),
    decode: timed(() => way.decode()),
    assemble: timed(() => way.assemble()),
    decide: timed(() => way.decide()),
    price: timed(() => way.price()),
    measure: timed(() => way.measure()),
    rows: timed(() => way.encode()),
  });
  const all = samples.peer.map((_, index) =>
    STAGES.reduce((sum, stage) => sum + (samples[stage][index] ?? 0), 0),
  );
  const perSpan = (ms: number) => `${round((ms * MICROSECONDS) / SPANS)} µs`;
  return {
    what: 'an app’s spans (a request, an agent, a model call, two of a database, one of an HTTP client) from a request’s bytes to bytes of rows, all of them kept; without disk and database',
    ours: `${perSpan(median(all))} a span`,
    peers: `${pairedRatio(all, samples.peer).toFixed(1)} x protobufjs’ decoding alone (${perSpan(median(samples.peer))})`,
    raw: STAGES.map((stage) => {
      return `${NAMES[stage]} ${perSpan(median(samples[stage]))} (${pairedRatio(samples[stage], samples.peer).toFixed(2)} x)`;
    }).join('; '),
  };
}

/** Each stage takes what the one before has made. */
class Way {
  readonly #bodies: readonly Buffer[];
  readonly #decoder = new OtlpDecoder(wantedKeys(null));
  readonly #pricer = createPricer({ overridesPath: null, log: () => {} });
  readonly #meter = new EventMeter();
  #assembler = this.#newAssembler();
  #spans: (readonly OtlpSpan[])[] = [];
  #events: NervecenterEvent[] = [];

  constructor(bodies: readonly Buffer[]) {
    this.#bodies = bodies;
  }

  decode(): void {
    this.#spans = this.#bodies.map((body) => this.#decoder.spans(body, 'protobuf').records);
  }

  assemble(): void {
    this.#assembler = this.#newAssembler();
    this.#events = [];
    for (const [index, spans] of this.#spans.entries()) {
      const { events, spans: kept } = this.#assembler.accept(spans, this.#bodies[index]?.length);
      this.#events.push(...events.map(({ event }) => event), ...kept);
    }
  }

  decide(): void {
    this.#assembler.flush();
    this.#spans = [];
  }

  price(): void {
    this.#events = this.#events.map((event) => {
      return event.signal === 'llm-call' ? { ...event, cost: this.#pricer.price(event) } : event;
    });
  }

  measure(): void {
    for (const batch of this.#batches()) this.#meter.measure(batch);
  }

  encode(): void {
    let rows = 0;
    for (const batch of this.#batches()) rows += encodeEvents(batch).rows;
    if (rows !== SPANS + 2 * (SPANS / SPANS_PER_TRACE)) throw new Error(`${rows} rows came of it`);
  }

  #batches(): NervecenterEvent[][] {
    const batches = Math.ceil(this.#events.length / BATCH);
    return Array.from({ length: batches }, (_, index) =>
      this.#events.slice(index * BATCH, (index + 1) * BATCH),
    );
  }

  #newAssembler(): TraceAssembler {
    return new TraceAssembler({
      now: () => 0,
      onDecided: ({ events, spans }) => {
        this.#events.push(...events.map(({ event }) => event), ...spans);
      },
    });
  }
}

function requestOf(traces: number): object {
  const resource = { attributes: [text('service.name', 'shop')] };
  const scope = { name: 'instrumentation', version: '1.0.0' };
  const spans = Array.from({ length: traces }, (_, index) => traceOf(index)).flat();
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] };
}

/** In the order in which they end. */
function traceOf(index: number): object[] {
  const traceId = randomBytes(16).toString('base64');
  const [root, agent, call] = [newSpanId(), newSpanId(), newSpanId()];
  const model = `model-${index % 3}`;
  const span = (spanId: string, parentSpanId: string | null, name: string, attributes: object[]) => ({
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name,
    kind: spanId === root ? 2 : spanId === agent ? 1 : 3,
    startTimeUnixNano: '1790000000000000000',
    endTimeUnixNano: `179000000${String(500_000_000 + index)}00`,
    attributes,
    status: { code: 1 },
  });
  return [
    span(newSpanId(), root, 'SELECT users', [
      text('db.system.name', 'postgresql'),
      text('db.operation.name', 'SELECT'),
      text('db.collection.name', 'users'),
      text('server.address', 'db'),
      whole('server.port', 5432),
    ]),
    span(newSpanId(), root, 'GET', [text('db.system.name', 'redis'), text('server.address', 'cache')]),
    span(newSpanId(), call, 'POST', [
      text('http.request.method', 'POST'),
      text('server.address', 'api.openai.com'),
      whole('http.response.status_code', 200),
      text('url.full', 'https://api.openai.com/v1/chat/completions'),
    ]),
    span(call, agent, `chat ${model}`, [
      text('gen_ai.operation.name', 'chat'),
      text('gen_ai.provider.name', 'openai'),
      text('gen_ai.request.model', model),
      text('gen_ai.response.model', `${model}-2026-11-01`),
      text('gen_ai.response.id', `chatcmpl-${traceId}`),
      whole('gen_ai.usage.input_tokens', index * 13),
      whole('gen_ai.usage.output_tokens', index * 7),
      { key: 'gen_ai.response.finish_reasons', value: { arrayValue: { values: [{ stringValue: 'stop' }] } } },
      text('server.address', 'api.openai.com'),
    ]),
    span(agent, root, 'invoke_agent helper', [
      text('gen_ai.operation.name', 'invoke_agent'),
      text('gen_ai.agent.name', 'helper'),
    ]),
    span(root, null, 'GET /chat/:id', [
      text('http.request.method', 'GET'),
      text('http.route', '/chat/:id'),
      whole('http.response.status_code', 200),
      text('url.path', '/chat/1'),
      text('user.id', `user-${index % 50}`),
      text('network.protocol.version', '1.1'),
    ]),
  ];
}

function newSpanId(): string {
  return randomBytes(8).toString('base64');
}

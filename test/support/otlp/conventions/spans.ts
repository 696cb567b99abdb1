import assert from 'node:assert/strict';
import type { ReceivedLog, ReceivedSpan } from '../received.ts';
import { type AttributeRules, assertAttributes, assertTogether, type ValueTypes } from './values.ts';

const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];
const [UNSET, ERROR] = [0, 2];

export type SpanWork = 'request' | 'call' | 'query' | 'retrieval' | 'stage' | 'session';

interface SpanRules extends AttributeRules {
  readonly kind: number;
  readonly name: (span: ReceivedSpan) => string;
  /** What it may happen in, of what is sent here; anything else is somebody else's span. */
  readonly parents: readonly SpanWork[];
  /** It may be a root, or in somebody else's span. */
  readonly standsAlone: boolean;
}

const PEOPLE: ValueTypes = { 'user.email': 'string', 'nervecenter.department': 'string' };
const STAGE = 'nervecenter.rag.stage';
const OPERATION = 'gen_ai.operation.name';

/** HTTP conventions 1.23 and later. */
const REQUEST: AttributeRules = {
  required: { 'http.request.method': 'string', 'url.path': 'string', 'url.scheme': 'string' },
  optional: {
    ...PEOPLE,
    'http.route': 'string',
    'http.response.status_code': 'int',
    'http.request.body.size': 'int',
    'http.response.body.size': 'int',
    'error.type': 'string',
  },
};

const MODALITIES = ['text', 'image', 'audio'];
const USAGE = [
  ...['input', 'output', 'cache_read.input', 'cache_write.input', 'reasoning.output'],
  ...MODALITIES.flatMap((one) => [`${one}.input`, `${one}.output`, `${one}.cache_read.input`]),
];

/** GenAI conventions 0.1, `gen_ai.client.inference` and `gen_ai.client.embeddings`. */
const CALL: AttributeRules = {
  required: {
    [OPERATION]: 'string',
    'gen_ai.provider.name': 'string',
    'nervecenter.llm.usage_source': 'string',
  },
  optional: {
    ...PEOPLE,
    ...Object.fromEntries(USAGE.map((name) => [`gen_ai.usage.${name}_tokens`, 'int' as const])),
    'gen_ai.request.model': 'string',
    'gen_ai.request.stream': 'boolean',
    'gen_ai.response.model': 'string',
    'gen_ai.response.finish_reasons': 'string[]',
    'gen_ai.response.time_to_first_chunk': 'double',
    'server.address': 'string',
    'server.port': 'int',
    'error.type': 'string',
    'http.response.status_code': 'int',
    'nervecenter.llm.cost': 'double',
    'nervecenter.llm.attempt': 'int',
    'nervecenter.llm.error_message': 'string',
    'nervecenter.query.category': 'string',
    'nervecenter.llm.usage_mismatch': 'boolean',
    'nervecenter.llm.abort_reason': 'string',
    'nervecenter.llm.service_tier': 'string',
    'nervecenter.llm.reported_cost': 'double',
    'nervecenter.llm.chunk_gap_p95': 'double',
    'nervecenter.llm.rate_limit_reset': 'double',
    'nervecenter.llm.cache_write_1h.input_tokens': 'int',
    'nervecenter.llm.billed.searches': 'int',
    'nervecenter.llm.billed.images': 'int',
    'nervecenter.llm.billed.audio': 'double',
  },
};

const RULES: Readonly<Record<SpanWork, SpanRules>> = {
  request: {
    ...REQUEST,
    kind: SERVER,
    name: ({ attributes }) => {
      const { 'http.request.method': method, 'http.route': route } = attributes;
      const verb = method === '_OTHER' ? 'HTTP' : String(method);
      return route === undefined ? verb : `${verb} ${route}`;
    },
    parents: ['request', 'query', 'session'],
    standsAlone: true,
  },
  call: {
    ...CALL,
    kind: CLIENT,
    name: ({ attributes }) =>
      [attributes[OPERATION], attributes['gen_ai.request.model'] ?? []].flat().join(' '),
    parents: ['request', 'query', 'session'],
    standsAlone: true,
  },
  query: {
    required: {},
    optional: {
      ...PEOPLE,
      'nervecenter.rag.chunks_retrieved': 'int',
      'nervecenter.rag.chunks_used': 'int',
      'nervecenter.rag.cache_hit': 'boolean',
      'nervecenter.rag.embedding_cache_hit': 'boolean',
      'nervecenter.rag.top_score': 'double',
      'nervecenter.rag.avg_score': 'double',
      'nervecenter.rag.threshold': 'double',
      'nervecenter.rag.query_hash': 'string',
      'error.type': 'string',
    },
    kind: INTERNAL,
    name: () => 'rag query',
    parents: ['request', 'query', 'session'],
    standsAlone: true,
  },
  retrieval: {
    required: { [OPERATION]: 'string', [STAGE]: 'string' },
    optional: {},
    kind: CLIENT,
    name: ({ attributes }) => String(attributes[OPERATION]),
    parents: ['query'],
    standsAlone: false,
  },
  stage: {
    required: { [STAGE]: 'string' },
    optional: {},
    kind: INTERNAL,
    name: ({ attributes }) => (attributes[STAGE] === 'embedding' ? 'embeddings' : String(attributes[STAGE])),
    parents: ['query'],
    standsAlone: false,
  },
  session: {
    required: {
      'url.path': 'string',
      'network.protocol.name': 'string',
      'nervecenter.websocket.messages_in': 'int',
      'nervecenter.websocket.messages_out': 'int',
      'nervecenter.websocket.bytes_in': 'int',
      'nervecenter.websocket.bytes_out': 'int',
      'nervecenter.websocket.close_code': 'int',
    },
    optional: PEOPLE,
    kind: SERVER,
    name: () => 'websocket session',
    parents: ['request'],
    standsAlone: true,
  },
};

function workOf({ name, attributes }: ReceivedSpan): SpanWork {
  if ('http.request.method' in attributes) return 'request';
  if (STAGE in attributes) return attributes[OPERATION] === 'retrieval' ? 'retrieval' : 'stage';
  if (OPERATION in attributes) return 'call';
  if (attributes['network.protocol.name'] === 'websocket') return 'session';
  assert.equal(name, 'rag query', `nothing describes the span ${name}`);
  return 'query';
}

/** A span by itself: name, kind, status, and attributes by the conventions. */
export function assertSpan(span: ReceivedSpan): void {
  const { name, types, attributes } = span;
  const work = workOf(span);
  const rules = RULES[work];
  assertAttributes(name, types, rules);
  assert.equal(span.name, rules.name(span));
  assert.equal(span.kind, rules.kind, `kind of ${name}`);
  // What worked is not said to have: that is for the app to judge.
  assert.equal(span.status, 'error.type' in types ? ERROR : UNSET, `status of ${name}`);
  assert.ok(rules.standsAlone || span.parentSpanId !== null, `${name} is a part of something`);
  assert.ok(span.parentSpanId !== span.spanId, name);
  if (work === 'request') assertRequest(span);
  if (work === 'call') assertCall(name, span);
  if (work === 'retrieval') assert.equal(attributes[OPERATION], 'retrieval');
}

function assertRequest({ name, attributes }: ReceivedSpan): void {
  assert.ok(['http', 'https'].includes(String(attributes['url.scheme'])), name);
  assert.ok(!String(attributes['http.route']).startsWith('<'), 'what stands for no route is none');
  const status = Number(attributes['http.response.status_code']);
  assert.ok(status >= 100 && status < 1000, name);
  const error = status >= 500 ? String(status) : undefined;
  assert.equal(attributes['error.type'], error, `a server fails from status 500 on: ${name}`);
}

const OPERATIONS = ['chat', 'text_completion', 'generate_content', 'embeddings'];
const NAME = /^[a-z][\w.]*$/;

function assertCall(name: string, { types, attributes }: Pick<ReceivedSpan, 'types' | 'attributes'>): void {
  assertTogether(name, types, 'server.address', 'server.port');
  assert.match(String(attributes['gen_ai.provider.name']), /^\S+$/, name);
  assert.match(String(attributes[OPERATION]), NAME, name);
  const tokens = (kind: string) => Number(attributes[`gen_ai.usage.${kind}_tokens`] ?? 0);
  assert.ok(tokens('cache_read.input') + tokens('cache_write.input') <= tokens('input'), `input of ${name}`);
  assert.ok(tokens('reasoning.output') <= tokens('output'), `output of ${name}`);
  const isEmbedding = attributes[OPERATION] === 'embeddings';
  if (isEmbedding) assert.ok(!('gen_ai.usage.output_tokens' in types), 'embeddings have no output');
  else if (OPERATIONS.includes(String(attributes[OPERATION])))
    assertTogether(name, types, 'gen_ai.usage.input_tokens', 'gen_ai.usage.output_tokens');
  const streams = attributes['gen_ai.request.stream'] === true;
  assert.ok(streams || !('gen_ai.response.time_to_first_chunk' in types), 'only streams have a first chunk');
}

const DETAILS = 'gen_ai.client.inference.operation.details';
const DEBUG = 5;
const INFO = 9;

/** A log record: the details of a call, or an event for another nervecenter. */
export function assertLog(log: ReceivedLog): void {
  if (log.eventName === 'nervecenter.event') {
    assertAttributes(log.eventName, log.types, {
      required: {
        'nervecenter.signal': 'string',
        'nervecenter.batch.writer': 'string',
        'nervecenter.batch.seq': 'int',
      },
      optional: {},
    });
    assert.equal(log.severity, INFO);
    return;
  }
  assert.equal(log.eventName, DETAILS);
  assertAttributes(DETAILS, log.types, CALL);
  assertCall(DETAILS, log);
  assert.deepEqual([log.severity, log.body], [DEBUG, undefined]);
  assert.ok(
    !['embeddings', 'retrieval', 'rerank'].includes(String(log.attributes[OPERATION])),
    'an inference',
  );
  assert.ok(log.traceId !== null && log.spanId !== null, 'details belong to a span');
  assert.ok(log.timeMs > 0);
}

/** Spans with each other: ids that tell them apart, and parents of a kind that they can have. */
export function assertTraces(spans: readonly ReceivedSpan[]): void {
  const byId = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span]));
  for (const span of byId.values()) {
    const { parents, standsAlone } = RULES[workOf(span)];
    const parent = byId.get(`${span.traceId} ${span.parentSpanId}`);
    if (parent === undefined) {
      const elsewhere = spans.some(({ spanId }) => spanId === span.parentSpanId);
      assert.ok(standsAlone && !elsewhere, `${span.name} without the parent in its trace`);
      continue;
    }
    assert.ok(parents.includes(workOf(parent)), `${span.name} in ${parent.name}`);
    if (standsAlone) continue;
    const within = span.startMs >= parent.startMs && span.endMs <= parent.endMs;
    assert.ok(within, `${span.name} is longer than what it is a part of`);
  }
}

/** Details say of a call what its span says, but for whom it was. */
export function assertDetails(spans: readonly ReceivedSpan[], logs: readonly ReceivedLog[]): void {
  for (const log of logs.filter(({ eventName }) => eventName === DETAILS)) {
    const span = spans.find(({ spanId, traceId }) => spanId === log.spanId && traceId === log.traceId);
    assert.ok(span !== undefined, 'details of a span that is there');
    const mine = Object.entries(span.attributes).filter(([name]) => !(name in PEOPLE));
    assert.deepEqual(log.attributes, Object.fromEntries(mine));
    assert.deepEqual(log.resource, span.resource);
  }
}

import fc from 'fast-check';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { type SpanParts, STARTED_MS, spanId, spanOf, traceId } from '../span.ts';
import { agent, chain, chat, embeddings, httpClient, retrieval, server, wrapped } from './spans.ts';

/** A piece of work, and what is inside it. */
interface Work {
  readonly kind: 'server' | 'agent' | 'chain' | 'step' | 'person' | 'call' | 'embedding' | 'retrieval';
  /** Of a call: tokens; and how many instrumentations see it besides the innermost; of a request whether a framework does. */
  readonly input: number;
  readonly output: number;
  readonly wrappers: number;
  readonly children: readonly Work[];
}

/** Spans of some traces, and what is true of them. */
export interface Traces {
  readonly spans: readonly OtlpSpan[];
  readonly truth: {
    readonly calls: number;
    readonly input: number;
    readonly output: number;
    readonly requests: number;
  };
}

const tokens = fc.integer({ min: 0, max: 1000 });
const { work } = fc.letrec<{ work: Work; leaf: Work; branch: Work }>((tie) => ({
  work: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('branch')),
  leaf: fc.record({
    kind: fc.constantFrom('call' as const, 'call' as const, 'embedding' as const, 'retrieval' as const),
    input: tokens,
    output: tokens,
    wrappers: fc.integer({ min: 0, max: 2 }),
    children: fc.constant([]),
  }),
  branch: fc.record({
    kind: fc.constantFrom(
      'server' as const,
      'agent' as const,
      'chain' as const,
      'step' as const,
      'person' as const,
    ),
    input: fc.constant(0),
    output: fc.constant(0),
    wrappers: fc.integer({ min: 0, max: 1 }),
    children: fc.array(tie('work'), { minLength: 1, maxLength: 4 }),
  }),
}));

export const traces: fc.Arbitrary<Traces> = fc.array(work, { minLength: 1, maxLength: 4 }).map((roots) => {
  const makers = roots.map((root, i) => new Maker(traceId(i + 1), root));
  const sum = (of: (maker: Maker) => number) => makers.reduce((total, maker) => total + of(maker), 0);
  return {
    spans: makers.flatMap(({ spans }) => spans),
    truth: {
      calls: sum(({ calls }) => calls),
      input: sum(({ input }) => input),
      output: sum(({ output }) => output),
      requests: sum(({ requests }) => requests),
    },
  };
});

const person: SpanParts = { attributes: { 'user.id': 'bob', 'user.department': 'sales' } };
const BRANCHES: Readonly<Record<string, SpanParts>> = { server, agent, chain, step: {}, person };
/** A request as a framework sees it, which does not know for whom. */
const served: SpanParts = { ...server, attributes: { 'http.request.method': 'POST', 'http.route': '/ask' } };
const SERVICES = ['app', 'search'].map((name) => ({ attributes: { 'service.name': name } }));

/** Makes the spans of one trace in the order in which they end. */
class Maker {
  readonly spans: OtlpSpan[] = [];
  readonly #traceId: string;
  calls = 0;
  input = 0;
  output = 0;
  requests = 0;
  #number = 0;
  #clockMs = STARTED_MS;

  constructor(id: string, root: Work) {
    this.#traceId = id;
    this.#make(root, null, 0);
  }

  #make(work: Work, parent: string | null, service: number): void {
    if (work.kind === 'call') this.#call(work, parent, service);
    else if (work.kind === 'embedding') this.#embedding(parent, service);
    else if (work.kind === 'retrieval') this.#span(parent, retrieval(), service, () => {});
    else if (work.kind === 'server') this.#served(work, parent, service);
    else this.#span(parent, BRANCHES[work.kind] ?? {}, service, (id) => this.#inside(work, id, service));
  }

  #inside({ children }: Work, parent: string, service: number): void {
    for (const child of children) this.#make(child, parent, service);
  }

  /** A request to the other service, whose spans go on there. */
  #served(work: Work, parent: string | null, service: number): void {
    this.requests++;
    const other = 1 - service;
    const inside = (id: string) => this.#inside(work, id, other);
    const framework = (id: string) =>
      work.wrappers > 0 ? this.#span(id, served, other, inside) : inside(id);
    this.#span(parent, httpClient, service, (id) => this.#span(id, server, other, framework));
  }

  #call({ input, output, wrappers }: Work, parent: string | null, service: number): void {
    this.calls++;
    this.input += input;
    this.output += output;
    const wrap = (left: number, above: string | null): void =>
      this.#span(above, left > 0 ? wrapped(input, output) : chat(input, output), service, (id) =>
        left > 0 ? wrap(left - 1, id) : this.#span(id, httpClient, service, () => {}),
      );
    wrap(wrappers, parent);
  }

  #embedding(parent: string | null, service: number): void {
    this.calls++;
    this.input += 7;
    this.#span(parent, embeddings, service, () => {});
  }

  #span(parent: string | null, parts: SpanParts, service: number, inside: (id: string) => void): void {
    const id = spanId(++this.#number);
    const startMs = this.#clockMs++;
    inside(id);
    const endMs = this.#clockMs++;
    const resource = SERVICES[service] ?? { attributes: {} };
    this.spans.push(
      spanOf({
        ...parts,
        traceId: this.#traceId,
        spanId: id,
        parentSpanId: parent,
        startMs,
        endMs,
        resource,
      }),
    );
  }
}

import { once } from 'node:events';
import type * as Http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Span } from '@opentelemetry/api';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';
import { until } from '../../../support/poll.ts';

type Load = (name: string) => unknown;
type Package<T> = Promise<T> | T;

/** What happened in a case: the app's own traces in the order they began, and each row with its trace. */
export interface Told {
  readonly traces: readonly string[];
  readonly rows: readonly (readonly [signal: string, traceId: string | null])[];
}

/** How many rows a case has, and the case. */
type Cases = Readonly<Record<string, readonly [rows: number, run: () => Promise<unknown>]>>;

const EVENTS = Symbol.for('nervecenter.test.events');
const INCOMING = { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` };

/** Where the preload leaves the events. */
export function eventsOf(global: object): { events: NervecenterEvent[] } {
  const holder = global as { [EVENTS]?: { events: NervecenterEvent[] } };
  holder[EVENTS] ??= { events: [] };
  return holder[EVENTS];
}

/** Runs every case, one after the other, and prints what each made. `url` is a stand-in for a model's provider. */
export async function tell(load: Load, url: string): Promise<void> {
  const tracing = await startTracing(load);
  const call = async (content: string) => {
    const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content }] });
    await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })).text();
  };
  const server = await startServer(load, call);
  const { events } = eventsOf(globalThis);
  const told: Record<string, Told> = {};
  for (const [name, [rows, run]] of Object.entries(await casesOf(load, { tracing, call, get: server.get }))) {
    await run();
    await until(() => events.length >= rows);
    told[name] = { traces: tracing.begun.splice(0), rows: events.splice(0).map(rowOf) };
  }
  process.stdout.write(JSON.stringify(told));
  server.close();
}

interface Parts {
  readonly tracing: Awaited<ReturnType<typeof startTracing>>;
  readonly call: (content: string) => Promise<void>;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<void>;
}

async function casesOf(load: Load, { tracing: { inSpan, stop }, call, get }: Parts): Promise<Cases> {
  const { ragQuery, recordLlmCall, withUser } = await (load('../../../../src/index.ts') as Package<
    typeof import('../../../../src/index.ts')
  >);
  const twoJobs = async () => {
    for (const job of ['first', 'second']) await inSpan(job, () => call('a'));
  };
  return {
    'a request': [1, () => get('/quiet')],
    'a request that asks a model': [2, () => get('/asks')],
    'a request of a trace from outside': [2, () => get('/asks', INCOMING)],
    'a query': [3, () => inSpan('job', () => ragQuery({}, () => Promise.all([call('a'), call('b')])))],
    'spans inside a query': [2, () => ragQuery({}, () => inSpan('inner', () => call('a')))],
    'two jobs in one piece of work': [2, () => withUser({ email: 'ada@example.com' }, twoJobs)],
    'a call that is told': [
      1,
      () => inSpan('told', async () => recordLlmCall({ model: 'm', provider: 'p', latencyMs: 1 })),
    ],
    'a call after its span': [1, () => inSpan('over', async () => {}).then(() => call('a'))],
    'a call without tracing': [1, () => stop().then(() => call('a'))],
  };
}

function rowOf(event: NervecenterEvent): Told['rows'][number] {
  return [event.signal, 'traceId' in event ? event.traceId : null];
}

/** A server of which every path but `/quiet` asks a model. */
async function startServer(load: Load, call: Parts['call']) {
  const { createServer } = await (load('node:http') as Package<typeof Http>);
  const server = createServer(async (request, response) => {
    if (request.url !== '/quiet') await call('a');
    response.end('done');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get: Parts['get'] = async (path, headers = {}) => {
    await (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).text();
  };
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { get, close };
}

/** OpenTelemetry's own SDK, with its instrumentation of `node:http`. */
async function startTracing(load: Load) {
  const { context, propagation, trace } = await (load('@opentelemetry/api') as Package<
    typeof import('@opentelemetry/api')
  >);
  const { AsyncLocalStorageContextManager } = await (load('@opentelemetry/context-async-hooks') as Package<
    typeof import('@opentelemetry/context-async-hooks')
  >);
  const { W3CTraceContextPropagator } = await (load('@opentelemetry/core') as Package<
    typeof import('@opentelemetry/core')
  >);
  const { TracerProvider } = await (load('@opentelemetry/sdk-trace') as Package<
    typeof import('@opentelemetry/sdk-trace')
  >);
  const { HttpInstrumentation } = await (load('@opentelemetry/instrumentation-http') as Package<
    typeof import('@opentelemetry/instrumentation-http')
  >);
  const begun: string[] = [];
  const onStart = (span: Span) => {
    const { traceId } = span.spanContext();
    if (!begun.includes(traceId)) begun.push(traceId);
  };
  const nothing = async () => {};
  const provider = new TracerProvider({
    spanProcessors: [{ onStart, onEnd() {}, forceFlush: nothing, shutdown: nothing }],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  new HttpInstrumentation().setTracerProvider(provider);
  // It waits for a `require`, which an ES module has none of.
  createRequire(import.meta.url)('node:http');
  const tracer = trace.getTracer('app');
  const inSpan = <T>(name: string, run: () => Promise<T>): Promise<T> =>
    tracer.startActiveSpan(name, (span) => run().finally(() => span.end()));
  const stop = async () => context.disable();
  return { begun, inSpan, stop };
}

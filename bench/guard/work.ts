// What is held: each with us and, where it is somebody else's work that we watch, without us; the difference is ours. Nothing
// here waits for a network, so that every run does the same.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { http } from '../../src/agent/http/server.ts';
import type { Instrumentation } from '../../src/agent/instrumentation.ts';
import type { AgentConnection } from '../../src/agent/links/connection.ts';
import { llm } from '../../src/agent/llm/observer.ts';
import { FrameSender } from '../../src/agent/metrics/frame-sender.ts';
import type { Pipeline } from '../../src/agent/pipeline.ts';
import { encodeEvents } from '../../src/collector/sinks/postgres/spool/batch.ts';
import type { SeenRequest } from '../../src/core/records/request-record.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import { milliseconds } from '../../src/core/units.ts';
import { RecordingAgent } from '../../test/support/recording-agent.ts';
import { type AgentParts, agentParts, Taker } from '../agent-parts.ts';
import { durationMs, llmCallEvent, requestEvent } from '../synthetic.ts';

export type Action = () => void | Promise<void>;

export interface Work {
  /** What one action does of it. */
  readonly times: number;
  /** How often it is done for one count. */
  readonly actions: number;
  /** Absent where all of it is ours. */
  readonly without?: () => Action;
  readonly with: () => Action;
}

/** Of a batch. */
const EVENTS = 200;
const SERIES = 250;
const ROUTES = 20;
const CHUNKS = 200;
/** So that no batch has more minutes in its header than another. */
const TIME_MS = milliseconds(Date.UTC(2026, 0, 1));
/** As the collector fills it in. */
const SENDER = { instanceId: '0d1e6f3b-2a10-4c8b-9a64-5f0c2d8e7a40', service: 'rag-app' };

export const WORKS: Readonly<Record<string, Work>> = {
  'a request event emitted': { times: EVENTS, actions: 4, with: () => emitted(requestEvents()) },
  'a model call event emitted': { times: EVENTS, actions: 4, with: () => emitted(callEvents()) },
  'a request served': {
    times: 1,
    actions: 100,
    without: () => served(),
    with: () => observed(http, served()),
  },
  'a model call': {
    times: 1,
    actions: 40,
    without: () => called({ stream: false }),
    with: () => observed(llm, called({ stream: false })),
  },
  'a model call streamed in 200 chunks': {
    times: 1,
    actions: 4,
    without: () => called({ stream: true }),
    with: () => observed(llm, called({ stream: true })),
  },
  'a frame of 250 series': {
    times: 1,
    actions: 30,
    without: () => filler(agentParts()),
    with: () => framed(agentParts()),
  },
  'a COPY batch of 200 requests': { times: 1, actions: 10, with: () => encoded(requestEvents()) },
  'a COPY batch of 200 model calls': { times: 1, actions: 10, with: () => encoded(callEvents()) },
};

function requestEvents(): NervecenterEvent[] {
  return batchOf((index) => requestEvent(index, ROUTES));
}

function callEvents(): NervecenterEvent[] {
  return batchOf((index) => llmCallEvent(index, ROUTES));
}

function batchOf(make: (index: number) => NervecenterEvent): NervecenterEvent[] {
  return Array.from({ length: EVENTS }, (_, index) => ({ ...make(index), timeMs: TIME_MS }));
}

function emitted(events: readonly NervecenterEvent[]): Action {
  const { pipeline } = agentParts();
  const taker = new Taker(pipeline);
  return () => {
    for (const event of events) pipeline.emit(event);
    taker.take();
  };
}

function encoded(events: readonly NervecenterEvent[]): Action {
  const received = events.map((event) => ({ ...event, sender: SENDER }));
  return () => {
    const { rows } = encodeEvents(received);
    if (rows !== events.length) throw new Error(`${rows} of ${events.length} events became rows`);
  };
}

/** New values for all series of the agent's own. */
function filler({ own }: AgentParts): () => void {
  const histogram = own.getMeter().createHistogram('guard.duration', { unit: 's' });
  return () => {
    for (let n = 0; n < SERIES; n++) {
      histogram.record(durationMs(n) / 1000, { 'http.route': `/api/${n}/:id`, 'http.request.method': 'GET' });
    }
  };
}

function framed(parts: AgentParts): Action {
  const fill = filler(parts);
  let sent = 0;
  const connection: Pick<AgentConnection, 'isOpen' | 'send'> = {
    isOpen: true,
    send: () => {
      sent++;
    },
  };
  const sender = new FrameSender({
    clock: { monotonicMs: () => TIME_MS, epochMs: () => TIME_MS },
    source: parts.frames,
    connection: connection as AgentConnection,
    threads: { any: false, merged: (own) => [...own] },
    pipeline: parts.pipeline,
  });
  return async () => {
    const before = sent;
    fill();
    await sender.send();
    if (sent !== before + 1) throw new Error('no frame was sent');
  };
}

/** The agent as an instrumentation sees it, with its real pipeline. */
class PipelineAgent extends RecordingAgent {
  readonly #pipeline: Pipeline = agentParts().pipeline;
  readonly #taker = new Taker(this.#pipeline);
  #readings = 0;
  emitted = 0;
  /** Times decide what a histogram of them takes: these are always the same. */
  override readonly clock = {
    monotonicMs: () => milliseconds(++this.#readings),
    epochMs: () => TIME_MS,
  };

  override emit(event: NervecenterEvent): void {
    this.emitted++;
    this.#pipeline.emit(event);
    this.#taker.take();
  }

  override emitRequest(request: SeenRequest): void {
    this.emitted++;
    this.#pipeline.emitRequest(request);
    this.#taker.take();
  }
}

function observed(instrumentation: Instrumentation, act: Action): Action {
  const agent = new PipelineAgent();
  instrumentation.start(agent);
  return async () => {
    const before = agent.emitted;
    await act();
    if (agent.emitted !== before + 1) throw new Error(`${agent.emitted - before} events of one action`);
  };
}

/** The client's end of a connection to the server. */
function connected(server: Server): Duplex {
  const [client, served] = duplexPair();
  // As a socket's, which the observer asks for.
  Object.assign(served, { bytesWritten: 0 });
  server.emit('connection', served);
  return client;
}

/** One request after the other on a connection that stays. */
function served(): Action {
  const server = createServer((_request, response) => response.end('hello'));
  const client = connected(server);
  const request = Buffer.from('GET /api/resources/7 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n');
  let answered = () => {};
  client.on('data', (chunk: Buffer) => {
    if (chunk.includes('hello')) answered();
  });
  return () =>
    new Promise((resolve) => {
      answered = () => setImmediate(resolve);
      client.write(request);
    });
}

const USAGE = { prompt_tokens: 230, completion_tokens: CHUNKS, total_tokens: 230 + CHUNKS };
const HEAD = { id: 'chatcmpl-guard', created: 1_763_800_000, model: 'gpt-4o-2024-08-06' };
const DELTA = sse({ choices: [{ index: 0, delta: { content: ' word' }, finish_reason: null }], usage: null });
const LAST = `${sse({ choices: [], usage: USAGE })}data: [DONE]\n\n`;
const MESSAGE = { role: 'assistant', content: 'a few words '.repeat(60) };
const WHOLE = JSON.stringify({
  ...HEAD,
  choices: [{ index: 0, message: MESSAGE, finish_reason: 'stop' }],
  usage: USAGE,
});

function sse(document: object): string {
  return `data: ${JSON.stringify({ ...HEAD, object: 'chat.completion.chunk', ...document })}\n\n`;
}

/** Each chunk in a turn of its own, as it comes from a network. */
function stream(response: ServerResponse, left = CHUNKS): void {
  if (left === 0) response.end(LAST);
  else {
    response.write(DELTA);
    setImmediate(stream, response, left - 1);
  }
}

interface DispatcherClass {
  new (options: {
    readonly connect: (options: object, connected: (error: null, socket: Duplex) => void) => void;
  }): object;
}

/** `fetch` of this Node, to a provider that is in this process. */
function called({ stream: streamed }: { readonly stream: boolean }): Action {
  const provider = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': streamed ? 'text/event-stream' : 'application/json' });
      if (streamed) stream(response);
      else response.end(WHOLE);
    });
  });
  const dispatcher = new (dispatcherClass())({
    connect: (_options, done) => void setImmediate(done, null, connected(provider)),
  });
  const body = JSON.stringify({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'What does the second document say about the tides? '.repeat(24) }],
    ...(streamed && { stream: true, stream_options: { include_usage: true } }),
  });
  const options = { method: 'POST', body, headers: { 'content-type': 'application/json' }, dispatcher };
  return async () => {
    const response = await fetch('http://api.openai.com/v1/chat/completions', options as RequestInit);
    for await (const _ of response.body ?? []);
    await new Promise((resolve) => setImmediate(resolve));
  };
}

/** Node exports no class of its undici; the one that `fetch` set up by itself has it. */
function dispatcherClass(): DispatcherClass {
  void fetch('data:,').catch(() => {});
  const dispatcher = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1')) as {
    readonly constructor: DispatcherClass;
  };
  return dispatcher.constructor;
}

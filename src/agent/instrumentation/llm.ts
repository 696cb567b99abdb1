import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { recognise } from '../../core/llm/index.ts';
import { BoundedLabels, errorType } from '../../core/llm/labels.ts';
import { isLocalHost } from '../../core/llm/providers.ts';
import { ABORTED } from '../../core/signals/llm-call.ts';
import { MINUTE_MS } from '../../core/units.ts';
import type { Agent, Instrumentation } from '../agent.ts';
import { currentContext } from '../context.ts';
import { LlmCall, type LlmLabels } from './llm-call.ts';
import { provideBodyChannels } from './undici-dispatcher.ts';

/** Different model names that may become labels; the rest is `other`. */
const MODELS_MAX = 100;
const PROVIDERS_MAX = 50;
const ERROR_TYPES_MAX = 50;
/** Calls followed at the same time; at the bound the oldest is closed with what is known of it. */
const CALLS_MAX = 2000;
/** A call on which nothing happens for so long was left behind by the app (undici itself gives up after 5 minutes). */
const IDLE_MAX_MS = 10 * MINUTE_MS;
const SWEEP_INTERVAL_MS = MINUTE_MS;

const ABANDONED = 'abandoned';

/** What undici tells of a request; `headers` are pairs in version 7 and lines of text in version 6. */
interface UndiciRequest {
  readonly origin: string | URL | null | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers: unknown;
}

interface UndiciMessage {
  readonly request: UndiciRequest;
  readonly chunk: Uint8Array | string;
  readonly response: { readonly statusCode: number; readonly headers: unknown };
  readonly error: unknown;
}

/**
 * Calls of model providers, read off the wire: `fetch` and everything else that goes through undici publishes its requests
 * and responses on diagnostics channels. Nothing is patched and nothing of the app's streams is touched. Each attempt of an
 * SDK that retries is an event of its own.
 */
export const llm: Instrumentation = { name: 'llm', start: startLlm };

function startLlm(agent: Agent): () => void {
  const restoreDispatcher = provideBodyChannels(agent);
  const calls = new CallTable(agent);
  const stopListening = listen(agent, {
    create: ({ request }) => calls.open(request),
    bodyChunkSent: ({ request, chunk }) => calls.get(request)?.sent(asBuffer(chunk)),
    headers: ({ request, response }) => {
      if (response.statusCode < 200) return; // Informational; the answer is still to come.
      calls.get(request)?.headers(response.statusCode, headerReader(response.headers));
    },
    bodyChunkReceived: ({ request, chunk }) => calls.get(request)?.received(asBuffer(chunk)),
    trailers: ({ request }) => calls.take(request)?.completed(),
    error: ({ request, error }) => calls.take(request)?.failed(endingOf(error)),
  });
  const sweeper = setInterval(() => calls.sweep(), SWEEP_INTERVAL_MS);
  sweeper.unref();
  return () => {
    clearInterval(sweeper);
    stopListening();
    calls.closeAll();
    restoreDispatcher();
  };
}

/** The calls in progress, by undici's request object. */
class CallTable {
  readonly #agent: Agent;
  readonly #calls = new Map<UndiciRequest, LlmCall>();
  readonly #labels: LlmLabels = {
    models: new BoundedLabels(MODELS_MAX),
    providers: new BoundedLabels(PROVIDERS_MAX),
    errors: new BoundedLabels(ERROR_TYPES_MAX),
  };

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  open(request: UndiciRequest): void {
    if (request.method !== 'POST') return;
    const { host, port, path } = target(request);
    const recognised = recognise(host, path, (name) => headerReader(request.headers)(name) !== null);
    if (recognised === null) return;
    if (isLocalHost(host) && this.#agent.isOwnPort(port)) return;
    this.#makeRoom();
    const context = currentContext();
    this.#calls.set(
      request,
      new LlmCall({ agent: this.#agent, labels: this.#labels, host, recognised, context }),
    );
  }

  get(request: UndiciRequest): LlmCall | undefined {
    return this.#calls.get(request);
  }

  /** The call, which is no longer followed. */
  take(request: UndiciRequest): LlmCall | undefined {
    const call = this.#calls.get(request);
    if (call !== undefined) this.#calls.delete(request);
    return call;
  }

  sweep(): void {
    const oldestMs = this.#agent.clock.monotonicMs() - IDLE_MAX_MS;
    for (const [request, call] of this.#calls)
      if (call.activeMs < oldestMs) this.#abandon(request, ABANDONED);
  }

  closeAll(): void {
    for (const request of [...this.#calls.keys()]) this.#abandon(request, ABORTED);
  }

  #makeRoom(): void {
    if (this.#calls.size < CALLS_MAX) return;
    const [oldest] = this.#calls.keys();
    if (oldest === undefined) return;
    this.#agent.warnOnce(
      'llm:calls-max',
      `more than ${CALLS_MAX} model calls at once: the oldest are recorded as abandoned before they end`,
    );
    this.#abandon(oldest, ABANDONED);
  }

  #abandon(request: UndiciRequest, reason: string): void {
    this.take(request)?.failed({ outcome: 'aborted', errorType: reason });
  }
}

type Listeners = Readonly<Record<string, (message: UndiciMessage) => void>>;

/** Subscribes to undici's channels. What a listener throws would end the app as an uncaught exception, so nothing may. */
function listen(agent: Agent, listeners: Listeners): () => void {
  const undo = Object.entries(listeners).map(([event, listener]) => {
    const channel = `undici:request:${event}`;
    const guarded = (message: unknown) => {
      try {
        listener(message as UndiciMessage);
      } catch (error) {
        agent.warnOnce('llm:internal', `a model call could not be read: ${String(error)}`);
      }
    };
    subscribe(channel, guarded);
    return () => unsubscribe(channel, guarded);
  });
  return () => {
    for (const stop of undo) stop();
  };
}

function target(request: UndiciRequest): { host: string; port: number | undefined; path: string } {
  const path = request.path;
  // To a proxy the path is the whole URL.
  const text = path.startsWith('http') ? path : String(request.origin ?? '');
  if (!URL.canParse(text)) return { host: '', port: undefined, path };
  const url = new URL(text);
  const port = url.port === '' ? undefined : Number(url.port);
  return { host: url.hostname, port, path: path.startsWith('http') ? url.pathname : path };
}

function asBuffer(chunk: Uint8Array | string): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Looks headers up by their lower-case name in each of the shapes that undici's versions and protocols use. */
function headerReader(headers: unknown): (name: string) => string | null {
  if (Array.isArray(headers)) return (name) => headerInPairs(headers, name);
  if (typeof headers === 'string') return (name) => headerInText(headers, name);
  const record = typeof headers === 'object' && headers !== null ? (headers as Record<string, unknown>) : {};
  return (name) => (record[name] === undefined ? null : String(record[name]));
}

function headerInPairs(pairs: readonly unknown[], name: string): string | null {
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    if (String(pairs[i]).toLowerCase() === name) return String(pairs[i + 1]);
  }
  return null;
}

function headerInText(text: string, name: string): string | null {
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return null;
}

/** Codes of the app taking its dispatcher down under a running call. */
const APP_ENDED = new Set(['UND_ERR_ABORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'ABORT_ERR']);

/**
 * Whether the network failed or the app gave up. `AbortController.abort()`, leaving a stream early and a timeout signal all
 * arrive here as whatever the abort's reason is; failures of the network have a code.
 */
function endingOf(error: unknown): { outcome: 'error' | 'aborted'; errorType: string } {
  const { name, code, cause } = asError(error);
  const reason = [code, asError(cause).code].find((candidate) => typeof candidate === 'string');
  if (name === 'TimeoutError') return { outcome: 'aborted', errorType: 'timeout' };
  if (name === 'AbortError' || typeof reason !== 'string' || APP_ENDED.has(reason)) {
    return { outcome: 'aborted', errorType: ABORTED };
  }
  return { outcome: 'error', errorType: errorType([reason]) ?? '_OTHER' };
}

function asError(error: unknown): {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
} {
  return typeof error === 'object' && error !== null ? error : {};
}

import type { Agent } from '../instrumentation.ts';
import { acceptsIncludeUsage, UsageEventFilter, withUsageRequested } from './stream-options.ts';

type Fetch = typeof globalThis.fetch;

/**
 * Makes the global `fetch` ask for the usage of chat streams where the app does not, and hides the event that this adds.
 * Only requests whose body is a text are changed, before `fetch` sees them: it counts their length itself. SDKs that
 * were given a `fetch` of their own are left alone.
 *
 * @returns how to undo it.
 */
export function requestUsage(agent: Pick<Agent, 'warnOnce'>): () => void {
  const before = globalThis.fetch;
  const ours = new Proxy(before, {
    apply(target, thisArgument, [input, init, ...rest]: [...Parameters<Fetch>, ...unknown[]]) {
      const changed = changedSafely(agent, input, init);
      const answer: Promise<Response> = Reflect.apply(target, thisArgument, [
        input,
        changed ?? init,
        ...rest,
      ]);
      return changed === null ? answer : answer.then(withoutUsageEvent);
    },
  });
  globalThis.fetch = ours;
  return () => {
    // Whoever wrapped it since would lose their own.
    if (globalThis.fetch === ours) globalThis.fetch = before;
  };
}

function changedSafely(
  agent: Pick<Agent, 'warnOnce'>,
  input: unknown,
  init: RequestInit | undefined,
): RequestInit | null {
  try {
    return changedInit(input, init);
  } catch (error) {
    agent.warnOnce('llm:include-usage', `a stream was not asked for its usage: ${String(error)}`);
    return null;
  }
}

/** What to give to `fetch` instead of `init`; `null`: leave it. */
function changedInit(input: unknown, init: RequestInit | undefined): RequestInit | null {
  const body = init?.body;
  if (init === undefined || typeof body !== 'string' || init.method?.toUpperCase() !== 'POST') return null;
  const url = typeof input === 'string' || input instanceof URL ? URL.parse(String(input)) : null;
  if (url === null || !acceptsIncludeUsage(url.hostname, url.pathname)) return null;
  const asking = withUsageRequested(body);
  if (asking === null) return null;
  const headers = new Headers(init.headers);
  if (!headers.has('content-length')) return { ...init, body: asking };
  headers.delete('content-length');
  return { ...init, body: asking, headers };
}

function withoutUsageEvent(response: Response): Response {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  if (response.body === null || isStream !== true) return response;
  const { status, statusText, headers, url, redirected, type } = response;
  const filtered = new Response(response.body.pipeThrough(filterStream()), { status, statusText, headers });
  // A response made by hand has none of these.
  for (const [name, value] of Object.entries({ url, redirected, type })) {
    Object.defineProperty(filtered, name, { value, configurable: true });
  }
  return filtered;
}

function filterStream(): TransformStream<Uint8Array, Uint8Array> {
  const filter = new UsageEventFilter();
  const give = (text: string, controller: TransformStreamDefaultController<Uint8Array>) => {
    if (text !== '') controller.enqueue(new Uint8Array(Buffer.from(text, 'latin1')));
  };
  return new TransformStream({
    transform: (chunk, controller) => give(filter.write(asLatin1(chunk)), controller),
    flush: (controller) => give(filter.end(), controller),
  });
}

function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

import { agentHandle, notLoaded } from './agent/api/handle.ts';
import type { RecordedLlmCall, RecordedRagQuery, RecordedRequest } from './agent/api/recorder.ts';
import { currentContext, runInContext, type User, WorkContext } from './agent/context/context.ts';
import type { IdentifyUser } from './agent/context/identity.ts';
import { NO_QUERY, type RagQuery, type RagQueryAttributes } from './agent/rag/rag.ts';
import type { Health, Snapshot, SystemSnapshot } from './core/snapshot.ts';

export { type MetricsHandler, type MountOptions, metricsHandler } from './agent/api/mount.ts';
export { attachStream, type StreamOptions } from './agent/api/mount-stream.ts';
export type { RecordedLlmCall, RecordedRagQuery, RecordedRequest } from './agent/api/recorder.ts';
export type { User } from './agent/context/context.ts';
export type { IdentifyUser } from './agent/context/identity.ts';
export type { RagQuery, RagQueryAttributes, RagQueryResult } from './agent/rag/rag.ts';
export { NervecenterError } from './core/errors.ts';
export type { Health, HealthStatus, Snapshot, SystemSnapshot } from './core/snapshot.ts';

/**
 * Runs `fn` as one RAG query and returns what it returns. The query is timed, its stages are told through
 * `query.stage(name, fn)`, what it found through `query.result({...})`; LLM calls and cache look-ups inside it belong to
 * it. An exception is recorded (its class only) and rethrown.
 *
 * Without the agent (`--require nervecenter/otel`) this only calls `fn`.
 *
 * @example
 * const answer = await ragQuery({ query: question }, async (query) => {
 *   const vector = await query.stage('embedding', () => embed(question));
 *   const chunks = await query.stage('vector_search', () => search(vector));
 *   query.result({ chunksRetrieved: chunks.length, topScore: chunks[0]?.score });
 *   return query.stage('generation', () => generate(question, chunks));
 * });
 */
export function ragQuery<T>(attributes: RagQueryAttributes, fn: (query: RagQuery) => T): T {
  const handle = agentHandle();
  return handle === undefined ? fn(NO_QUERY) : handle.ragQuery(attributes, fn);
}

/** Records one HTTP request served by something nervecenter cannot see. Durations are milliseconds. Never throws. */
export function recordRequest(request: RecordedRequest): void {
  agentHandle()?.recorder.request(request);
}

/** Records one RAG query after the fact; where the code can be wrapped, `ragQuery` tells more. Never throws. */
export function recordRagQuery(query: RecordedRagQuery): void {
  agentHandle()?.recorder.ragQuery(query);
}

/**
 * Records one call of a model provider, for clients that use neither `fetch` nor undici: those are seen by themselves, and
 * recording them here too would count them twice. Never throws.
 */
export function recordLlmCall(call: RecordedLlmCall): void {
  agentHandle()?.recorder.llmCall(call);
}

/** Records one look-up of a cache by its name (`rag` and `embedding` are the dashboard's own). Never throws. */
export function recordCacheAccess(cacheName: string, hit: boolean): void {
  agentHandle()?.recorder.cacheAccess(cacheName, hit);
}

/** Records that a WebSocket connection opened, for servers other than `ws`. Never throws. */
export function recordWsConnect(): void {
  agentHandle()?.wsConnect();
}

/** Records that a WebSocket connection closed. Never throws. */
export function recordWsDisconnect(): void {
  agentHandle()?.wsDisconnect();
}

/** Records one WebSocket message and, where known, its payload bytes. Never throws. */
export function recordWsMessage(direction: 'in' | 'out', bytes?: number): void {
  agentHandle()?.recorder.wsMessage(direction, bytes);
}

/**
 * Runs `fn`; what it does asynchronously is done for `user`, and so is the request or session around it while nobody has
 * said whom that is for. Goes into rows, never into metrics.
 */
export function withUser<T>(user: User, fn: () => T): T {
  if (agentHandle() === undefined) return fn();
  const [parent, known] = [currentContext(), usable(user)];
  parent?.workedFor(known);
  return runInContext(new WorkContext({ parent, user: known }), fn);
}

/** Says who the current request, session or `withUser` block is for, its own row included. */
export function setUser(user: User): void {
  if (agentHandle() !== undefined) currentContext()?.setUser(usable(user));
}

/**
 * From now on, asks `identify` once at the start of every HTTP request and WebSocket session who it is for, with the
 * headers read and the body not. It answers at once, from a token it verifies for example; `undefined` is nobody known.
 * Addresses are cut to 255 characters and departments to 50. What it throws is swallowed and warned about once. A later
 * call replaces the function, and `NERVECENTER_USER_HEADER` is no longer looked at. `setUser` still has the last word.
 *
 * @example
 * identifyUser((request) => {
 *   const session = verify(request.headers.cookie);
 *   return session && { email: session.email, department: session.department };
 * });
 */
export function identifyUser(identify: IdentifyUser): void {
  agentHandle()?.identifyUser(identify);
}

function usable(user: User): User {
  const { email, department } = user ?? {};
  return {
    email: typeof email === 'string' ? email : undefined,
    department: typeof department === 'string' ? department : undefined,
  };
}

/**
 * The snapshot the dashboard shows.
 *
 * @throws NervecenterError `NC_UNAVAILABLE` when the agent is not loaded or its collector does not answer within 5 s.
 */
export function getSnapshot(): Promise<Snapshot> {
  return agentHandle()?.snapshot() ?? Promise.reject(notLoaded());
}

/** The verdict of `GET /api/metrics/health`. Throws as `getSnapshot`. */
export function getHealth(): Promise<Health> {
  return agentHandle()?.health() ?? Promise.reject(notLoaded());
}

/** The `system` part of the snapshot. Throws as `getSnapshot`. */
export async function getSystemMetrics(): Promise<SystemSnapshot> {
  return (await getSnapshot()).system;
}

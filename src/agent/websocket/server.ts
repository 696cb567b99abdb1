import type { IncomingMessage } from 'node:http';
import { pathTemplate } from '../../core/http/path-template.ts';
import { RouteBound } from '../../core/http/served.ts';
import { WEBSOCKET_PATH } from '../../core/names/label-bounds.ts';
import { milliseconds } from '../../core/units.ts';
import { attributionAs, calledBy, currentContext, runInContext, WorkContext } from '../context/context.ts';
import { isOwnTraffic } from '../context/own-traffic.ts';
import { callerIn } from '../context/traceparent.ts';
import { type Agent, type Instrumentation, rootOf } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';

/** The width of the column the path is stored in. */
const PATH_LENGTH_MAX = 255;
const OPEN = 1;
const ABNORMAL_CLOSURE = 1006;

/** Where a server's socket keeps its session; sockets of clients and of nervecenter itself have none. */
const SESSION = Symbol('nervecenter.session');
/** On a request whose upgrade an installed `ws` handles. */
const HANDLED = Symbol('nervecenter.upgrade');

interface WebSocketLike {
  readonly readyState: number;
  [SESSION]?: Session;
}

type Emit = (this: WebSocketLike, ...args: unknown[]) => boolean;
type Send = (this: WebSocketLike, data: unknown, options?: unknown, done?: unknown) => void;

interface WebSocketPrototype {
  emit: Emit;
  send: Send;
}

interface ServerLike {
  readonly options?: { readonly noServer?: boolean };
}

type HandledRequest = IncomingMessage & { [HANDLED]?: true };
type Upgraded = (webSocket: WebSocketLike, ...rest: unknown[]) => unknown;
type HandleUpgrade = (
  this: ServerLike,
  request: IncomingMessage,
  socket: unknown,
  head: unknown,
  upgraded: Upgraded,
) => void;

interface ServerPrototype {
  handleUpgrade: HandleUpgrade;
}

/**
 * Sessions of `ws` servers (version 7 and later, in every mode), without a change to the app: live counts while a session
 * lasts, one `WsSessionEvent` when it closes. Everything the session emits runs in its own `WorkContext`. Payload bytes are
 * what the app sees: after reassembly and decompression, without pings. A message sent in fragments counts once, with its
 * last. Sessions still open when the observation stops make no event. Frames that bypass `send` (socket.io's pre-encoded
 * broadcasts) are not seen.
 */
export const ws: Instrumentation = {
  name: 'ws',
  start(agent) {
    const undos = [
      onModuleLoad('ws/lib/websocket-server.js', (exports) => observeServers(exports, agent)),
      onModuleLoad('ws/lib/websocket.js', observeSockets),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function observeServers(exports: unknown, agent: Agent): (() => void) | undefined {
  const prototype = prototypeWith<ServerPrototype>(exports, 'handleUpgrade');
  if (prototype === undefined) return undefined;
  return replaceMethod(prototype, 'handleUpgrade', (handleUpgrade) => {
    const observed: HandleUpgrade = function (request, socket, head, upgraded) {
      (request as HandledRequest)[HANDLED] = true;
      if (typeof upgraded !== 'function') return handleUpgrade.call(this, request, socket, head, upgraded);
      // Only an app that calls `handleUpgrade` itself can have wrapped it in work of its own. Elsewhere the current work
      // would be that of an earlier request on the same connection, perhaps another user's.
      const parent = this.options?.noServer === true ? currentContext() : undefined;
      return handleUpgrade.call(this, request, socket, head, function (this: unknown, ...args) {
        const session = openSession(agent, args[0], request, parent);
        if (session === undefined) return Reflect.apply(upgraded, this, args);
        return runInContext(session.context, () => Reflect.apply(upgraded, this, args));
      });
    };
    return observed;
  });
}

function observeSockets(exports: unknown): (() => void) | undefined {
  const prototype = prototypeWith<WebSocketPrototype>(exports, 'send');
  if (prototype === undefined || typeof prototype.emit !== 'function') return undefined;
  const undoEmit = replaceMethod(prototype, 'emit', (emit) => {
    const observed: Emit = function (...args) {
      const session = this[SESSION];
      if (session === undefined) return Reflect.apply(emit, this, args);
      if (args[0] === 'message') session.received(byteLengthOf(args[1]));
      try {
        return runInContext(session.context, () => Reflect.apply(emit, this, args));
      } finally {
        // After the app's own listeners, which may still say who the session was for.
        if (args[0] === 'close') session.close(args[1]);
      }
    };
    return observed;
  });
  const undoSend = replaceMethod(prototype, 'send', (send) => {
    const observed: Send = function (data, options, done) {
      const session = this.readyState === OPEN ? this[SESSION] : undefined;
      send.call(this, data, options, done);
      session?.sent(byteLengthOf(data), isUnfinished(options));
    };
    return observed;
  });
  return () => {
    undoSend();
    undoEmit();
  };
}

/** One accepted connection. Nothing in it grows with its messages. */
export class Session {
  readonly context: WorkContext;
  readonly #agent: Agent;
  readonly #path: string;
  readonly #openedMs: number;
  #messagesIn = 0;
  #messagesOut = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #fragmentBytes = 0;
  #closed = false;

  constructor(agent: Agent, path: string, context: WorkContext) {
    this.#agent = agent;
    this.#path = path;
    this.context = context;
    this.#openedMs = agent.clock.monotonicMs();
  }

  received(bytes: number): void {
    if (this.#closed) return;
    this.#messagesIn++;
    this.#bytesIn += bytes;
    this.#agent.websockets.message('in', bytes);
  }

  /** @param isFragment more of the same message follows. */
  sent(payloadBytes: number, isFragment = false): void {
    if (this.#closed) return;
    const bytes = payloadBytes + this.#fragmentBytes;
    if (isFragment) {
      this.#fragmentBytes = bytes;
      return;
    }
    this.#fragmentBytes = 0;
    this.#messagesOut++;
    this.#bytesOut += bytes;
    this.#agent.websockets.message('out', bytes);
  }

  close(code: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    const { clock, websockets } = this.#agent;
    const timeMs = clock.epochMs();
    websockets.closed();
    this.#agent.emit({
      signal: 'ws-session',
      id: this.context.eventId(timeMs),
      timeMs,
      ...attributionAs(this.context),
      path: this.#path,
      durationMs: milliseconds(Math.max(0, clock.monotonicMs() - this.#openedMs)),
      messagesIn: this.#messagesIn,
      messagesOut: this.#messagesOut,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      closeCode: typeof code === 'number' ? code : ABNORMAL_CLOSURE,
    });
  }
}

function openSession(
  agent: Agent,
  webSocket: WebSocketLike,
  request: IncomingMessage,
  parent: WorkContext | undefined,
): Session | undefined {
  try {
    if (webSocket[SESSION] !== undefined || isOwnTraffic(request)) return undefined;
    const session = beginSession(agent, request, parent);
    Object.defineProperty(webSocket, SESSION, { value: session });
    return session;
  } catch {
    return undefined; // A socket or request of an unknown shape stays unobserved.
  }
}

/** Counts a connection that was accepted. @param parent work of the app's own that it began in. */
export function beginSession(agent: Agent, request: IncomingMessage, parent?: WorkContext): Session {
  const { headers } = request;
  const work = new WorkContext({ parent, ...calledBy(callerIn(headers), headers), isEvent: true });
  // What the app has said in work of its own stands.
  const user = work.user === undefined && agent.identity.isKnown ? agent.identity.userOf(request) : undefined;
  if (user !== undefined) work.setUser(user);
  const session = new Session(agent, boundPath(agent, pathOf(request.url)), work);
  agent.websockets.opened();
  return session;
}

/** Whether an installed `ws` handles the upgrade, whose sessions are followed in the library itself. */
export function isHandledByWs(request: IncomingMessage): boolean {
  return (request as HandledRequest)[HANDLED] === true;
}

const pathsByAgent = new WeakMap<Agent, RouteBound>();

/** What a session is stored as the path of: without its ids, and bounded as routes are, since a path is anybody's to make up. */
function boundPath(variant: Agent, path: string): string {
  const agent = rootOf(variant);
  let paths = pathsByAgent.get(agent);
  if (paths === undefined) {
    const onFolded = () => agent.labelFolded(WEBSOCKET_PATH);
    paths = new RouteBound({ now: () => agent.clock.monotonicMs(), onFolded });
    pathsByAgent.set(agent, paths);
  }
  return paths.bound(pathTemplate(path));
}

/** The path of a request target (origin or absolute form) without its query string, at most 255 characters. */
export function pathOf(target: string | undefined): string {
  if (target === undefined || target === '') return '/';
  const local = target.startsWith('/') || !URL.canParse(target) ? target : new URL(target).pathname;
  const end = local.search(/[?#]/);
  return local.slice(0, Math.min(end === -1 ? local.length : end, PATH_LENGTH_MAX));
}

/** Payload size of whatever `ws` takes and gives: text, Buffer, ArrayBuffer, view, Blob, fragments, number. */
export function byteLengthOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  if (typeof data === 'number') return String(data).length;
  if (typeof data !== 'object' || data === null) return 0;
  const { byteLength, size } = data as { readonly byteLength?: unknown; readonly size?: unknown };
  if (typeof byteLength === 'number') return byteLength;
  if (typeof size === 'number') return size;
  if (!Array.isArray(data)) return 0;
  // Fragments when received; when sent, an array of byte values.
  return data.reduce<number>((sum, part) => sum + (typeof part === 'number' ? 1 : byteLengthOf(part)), 0);
}

function isUnfinished(options: unknown): boolean {
  return typeof options === 'object' && options !== null && (options as { fin?: unknown }).fin === false;
}

function prototypeWith<P extends object>(exports: unknown, method: keyof P): P | undefined {
  if (typeof exports !== 'function') return undefined;
  const prototype = exports.prototype as P | undefined;
  return typeof prototype?.[method] === 'function' ? prototype : undefined;
}

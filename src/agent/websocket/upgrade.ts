import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { nodeHttp, nodeHttps } from '../../platform/builtins.ts';
import { runInContext } from '../context/context.ts';
import { isOwnTraffic } from '../context/own-traffic.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { listening } from '../modules/undoable.ts';
import { FrameReader } from './frames.ts';
import { beginSession, isHandledByWs, type Session } from './server.ts';

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean;
/** `write` and `push` of a stream. */
type Pass = (...args: unknown[]) => boolean;

/** A server may hand an upgrade on to another by emitting it there. */
const followed = new WeakSet<Duplex>();
const ACCEPTED = /^HTTP\/1\.1 101[ \r]/;
const HEADER_END = '\r\n\r\n';

/**
 * Sessions of every WebSocket server on `node:http` and `node:https` but those of an installed `ws`: `ws` inside a bundle, for
 * example, or a server of the app's own. They are read off the connection: after the answer that accepts the upgrade both
 * sides speak RFC 6455, whatever library does. Payload bytes are those sent, compressed where that was agreed.
 *
 * `Server.emit` is replaced because a listener of ours for `upgrade` would show: Node decides by the listeners there are
 * whether a server upgrades at all. That is done as the first server of the app begins to listen: until then `node:http` may
 * not be loaded, and `node:https` not before there is a server that is none of plain `node:http`.
 */
export const webSockets: Instrumentation = {
  name: 'websocket',
  start(agent) {
    const observation = { stopped: false };
    const undos = new Map<Emitter, () => void>();
    const observe = (prototype: Emitter) => {
      if (!undos.has(prototype)) undos.set(prototype, observeUpgrades(prototype, agent, observation));
    };
    const heard = (message: unknown) => {
      try {
        const { Server } = nodeHttp();
        observe(Server.prototype as unknown as Emitter);
        // It may hand its connections to a server that does not listen itself.
        if ((message as Listening).server instanceof Server) return;
        observe(nodeHttps().Server.prototype as unknown as Emitter);
      } catch (error) {
        agent.warnOnce('websocket', `WebSocket sessions cannot be observed: ${String(error)}`);
      }
      stopListening();
    };
    const stopListening = listening(LISTENING, heard);
    return () => {
      observation.stopped = true;
      stopListening();
      for (const undo of undos.values()) undo();
    };
  },
};

/** What Node publishes before a server listens. */
const LISTENING = 'tracing:net.server.listen:asyncStart';

interface Listening {
  readonly server: unknown;
}

interface Emitter {
  emit: Emit;
}

function observeUpgrades(prototype: Emitter, agent: Agent, observation: Observation): () => void {
  return replaceMethod(prototype, 'emit', (emit) => {
    const observed: Emit = function (...args) {
      if (args[0] === 'upgrade') follow(agent, observation, args.slice(1));
      return Reflect.apply(emit, this, args);
    };
    return observed;
  });
}

interface Observation {
  readonly stopped: boolean;
}

function follow(agent: Agent, observation: Observation, upgrade: readonly unknown[]): void {
  try {
    const [request, socket, head] = upgrade as [IncomingMessage, Duplex, Buffer];
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || followed.has(socket)) return;
    followed.add(socket);
    new UpgradedConnection({ agent, observation, request, socket, head }).start();
  } catch (error) {
    agent.failed('websocket', 'a WebSocket session could not be observed', error);
  }
}

interface Upgrade {
  readonly agent: Agent;
  readonly observation: Observation;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What of the first frames came together with the request. */
  readonly head: Uint8Array;
}

/** One connection from the request to upgrade to its end. */
class UpgradedConnection {
  readonly #upgrade: Upgrade;
  readonly #undos: (() => void)[] = [];
  /** There once the server has accepted. */
  #session: Session | undefined;
  #closeCode: number | undefined;
  readonly #received: FrameReader;
  readonly #sent: FrameReader;

  constructor(upgrade: Upgrade) {
    this.#upgrade = upgrade;
    this.#received = new FrameReader({
      message: (bytes) => this.#session?.received(bytes),
      closing: (code) => {
        this.#closeCode ??= code;
      },
    });
    this.#sent = new FrameReader({ message: (bytes) => this.#session?.sent(bytes), closing: () => {} });
  }

  start(): void {
    const socket = this.#upgrade.socket as Duplex & { write: Pass; push: Pass };
    const undoWrite = replaceMethod(socket, 'write', (write) => {
      const observed: Pass = (...args) => {
        const flushed = Reflect.apply(write, socket, args);
        this.#guarded(() => this.#written(bytesOf(args[0], args[1])));
        return flushed;
      };
      return observed;
    });
    const undoPush = replaceMethod(socket, 'push', (push) => {
      const observed: Pass = (...args) => {
        this.#guarded(() => this.#received.read(bytesOf(args[0], args[1])));
        const pass = () => Reflect.apply(push, socket, args);
        // What the server makes of it at once, its listeners of messages included, is part of the session.
        return this.#session === undefined ? pass() : runInContext(this.#session.context, pass);
      };
      return observed;
    });
    this.#undos.push(undoWrite, undoPush);
    this.#received.read(this.#upgrade.head);
    socket.once('close', () => this.#guarded(() => this.#closed()));
  }

  #written(bytes: Uint8Array): void {
    if (this.#session !== undefined) this.#sent.read(bytes);
    else this.#answered(bytes);
  }

  /** The first thing the server writes is its answer; what may follow in the same piece are frames. */
  #answered(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const end = text.indexOf(HEADER_END);
    const { agent, request } = this.#upgrade;
    if (!ACCEPTED.test(text) || end === -1 || isHandledByWs(request) || isOwnTraffic(request)) {
      this.#leave();
      return;
    }
    this.#session = beginSession(agent, request);
    this.#sent.read(bytes.subarray(end + HEADER_END.length));
  }

  #closed(): void {
    this.#session?.close(this.#closeCode);
    this.#leave();
  }

  #leave(): void {
    for (const undo of this.#undos.splice(0)) undo();
  }

  #guarded(observe: () => void): void {
    const { agent, observation } = this.#upgrade;
    try {
      if (!observation.stopped) observe();
    } catch (error) {
      this.#leave();
      agent.failed('websocket', 'a WebSocket session could not be observed', error);
    }
  }
}

const NOTHING = new Uint8Array();

function bytesOf(chunk: unknown, encoding: unknown): Uint8Array {
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  return chunk instanceof Uint8Array ? chunk : NOTHING;
}

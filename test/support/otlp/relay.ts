import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Mishaps } from './mishaps.ts';

/** What a relay over HTTP does to a request; after those in the second half the collector has it all the same. */
export const RELAY_MISHAPS = [
  'cut before',
  'cut within',
  '429',
  '429 with Retry-After',
  '503',
  '503 with a date',
  'delayed',
  'cut after',
  'answer cut',
  'answered 503 after',
  'never answered',
] as const;
type RelayMishap = (typeof RELAY_MISHAPS)[number];

interface Passing {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

const DELAY_MS_MAX = 400;
/** What is cut off of an answer that may be empty. */
const MISSING_BYTES = 10;

/** A proxy between a sender of OTLP over HTTP and a collector, to whose requests things happen. */
export class Relay {
  readonly mishaps: Mishaps<RelayMishap>;
  /** Requests that the collector took, by its own answer. */
  taken = 0;
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #upstream = new Agent({ keepAlive: true });

  private constructor(targetPort: number, seed: number) {
    this.#targetPort = targetPort;
    this.mishaps = new Mishaps(RELAY_MISHAPS, seed);
    this.#server = createServer((request, response) => {
      response.on('error', () => {});
      void this.#serve(request, response);
    });
  }

  static async start(targetPort: number, seed: number): Promise<Relay> {
    const relay = new Relay(targetPort, seed);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#upstream.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request).catch(() => null);
    if (body === null) return; // The sender is gone.
    const mishap = this.mishaps.next();
    const passing = { request, response, body };
    try {
      if (mishap === null) await this.#passOn(passing);
      else await this.#acts[mishap](passing);
    } catch {
      // Nobody listens there, or somebody who is being killed.
      response.writeHead(502).end('no answer');
    }
  }

  readonly #acts: Readonly<Record<RelayMishap, (passing: Passing) => void | Promise<void>>> = {
    'cut before': ({ request }) => void request.socket.destroy(),
    'cut within': (passing) => this.#cutWithin(passing),
    '429': ({ response }) => void response.writeHead(429).end(),
    '429 with Retry-After': ({ response }) =>
      void response.writeHead(429, { 'retry-after': '1' }).end('slow'),
    '503': ({ response }) => void response.writeHead(503).end('down'),
    '503 with a date': ({ response }) => {
      response.writeHead(503, { 'retry-after': new Date(Date.now() + 1000).toUTCString() }).end();
    },
    delayed: async (passing) => {
      await pause(this.mishaps.between(1, DELAY_MS_MAX));
      await this.#passOn(passing);
    },
    'cut after': async (passing) => {
      await this.#ask(passing);
      passing.request.socket.destroy();
    },
    'answer cut': async (passing) => {
      const { status, body, headers } = await this.#ask(passing);
      const { response, request } = passing;
      response.writeHead(status, { ...headers, 'content-length': body.length + MISSING_BYTES });
      response.write(body.length === 0 ? ' ' : body, () => request.socket.destroy());
    },
    'answered 503 after': async (passing) => {
      await this.#ask(passing);
      passing.response.writeHead(503).end();
    },
    'never answered': async (passing) => {
      await this.#ask(passing);
    },
  };

  async #passOn(passing: Passing): Promise<void> {
    const { status, headers, body } = await this.#ask(passing);
    passing.response.writeHead(status, headers).end(body);
  }

  async #ask({ request, body }: Passing): Promise<Answer> {
    const upstream = this.#open(request, this.#upstream);
    upstream.end(body);
    const [response] = (await once(upstream, 'response')) as [IncomingMessage];
    const { statusCode: status = 0, headers } = response;
    const answer = { status, headers, body: await buffer(response) };
    if (status === 200) this.taken++;
    return answer;
  }

  /** The collector gets the head of the request and half of its body, and the sender no answer. */
  async #cutWithin({ request, body }: Passing): Promise<void> {
    const upstream = this.#open(request, new Agent());
    upstream.on('error', () => {});
    const over = new Promise((resolve) => upstream.on('close', resolve));
    upstream.write(body.subarray(0, body.length / 2), () => upstream.destroy());
    await over;
    request.socket.destroy();
  }

  #open({ url, headers }: IncomingMessage, agent: Agent) {
    const { connection: _, ...passed } = headers;
    return httpRequest({
      host: '127.0.0.1',
      port: this.#targetPort,
      path: url,
      method: 'POST',
      headers: passed,
      agent,
    });
  }
}

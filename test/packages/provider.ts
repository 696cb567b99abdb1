import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { answerTo } from './answers.ts';

/** Every provider there is, on this machine; which one is meant, the `host` header says. */
export interface Providers {
  readonly port: number;
  /** Where HTTP/2 is spoken, as Amazon's SDK does. */
  readonly http2Port: number;
  /** Model calls that came, refused ones included. */
  readonly received: number;
  close(): Promise<void>;
}

export type Request = http.IncomingMessage | http2.Http2ServerRequest;
export type Response = http.ServerResponse & http2.Http2ServerResponse;

/** They refuse a request that says `busy`, and serve it when it comes again; of an answer to `leave` they keep the end. */
export async function startProviders(): Promise<Providers> {
  const refused = new Set<string>();
  let received = 0;
  const serve = async (request: Request, response: Response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const host = hostOf(request);
    received++;
    const isBusy = body.includes('busy') && !refused.delete(`${host} ${request.url}`);
    if (isBusy) {
      refused.add(`${host} ${request.url}`);
      response.writeHead(429, REFUSAL_HEADERS).end(REFUSAL);
      return;
    }
    const answer = answerTo(host, request.url ?? '', body);
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': answer?.type ?? 'text/plain' });
    const pieces = answer?.pieces ?? [`no answer to ${host} ${request.url}`];
    if (body.includes('leave')) {
      // All at once, so that the app has not left before the first token came; and open until it does.
      response.write(Buffer.concat(pieces.slice(0, -2).map((piece) => Buffer.from(piece as string))));
      return;
    }
    for (const piece of pieces) {
      response.write(piece);
      await turn();
    }
    response.end();
  };
  const listening = await listen(serve);
  return {
    ...listening,
    get received() {
      return received;
    },
  };
}

/** Serves HTTP/1.1 and HTTP/2 on ports of their own. */
export async function listen(
  serve: (request: Request, response: Response) => Promise<void>,
): Promise<Omit<Providers, 'received'>> {
  const sockets = new Set<Socket>();
  const servers = [http.createServer(serve as never), http2.createServer(serve as never)];
  for (const server of servers) {
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const [port = 0, http2Port = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  return {
    port,
    http2Port,
    async close() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) await new Promise((closed) => server.close(closed));
    },
  };
}

/** The name by which a provider is called. */
export function hostOf({ headers }: Request): string {
  return String(headers[':authority'] ?? headers['host']).replace(/:\d+$/, '');
}

/** Some packages read the one, some the other. */
const REFUSAL_HEADERS = { 'content-type': 'application/json', 'retry-after-ms': '1', 'retry-after': '0.001' };
/** In the words of OpenAI, which the others' packages read as well. */
const REFUSAL = JSON.stringify({
  error: { message: 'Too many', type: 'requests', code: 'rate_limit_exceeded' },
});

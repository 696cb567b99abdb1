import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { MIB } from '../../../src/core/units.ts';
import { sha256 } from './recording-wire.ts';

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Response = http.ServerResponse | http2.Http2ServerResponse;

/** The same answers over HTTP/1.1 and HTTP/2, chosen by the path's last part. */
export interface ScenarioServer {
  readonly url: string;
  readonly port: number;
  /** Hash of each body that arrived whole. */
  readonly bodies: string[];
  readonly sockets: Set<object>;
  /** Bytes written for the endless answer, and whether it waits for the client to take them. */
  readonly endless: { bytes: number; waits: boolean };
  close(): Promise<void>;
}

const pattern = (bytes: number) => Buffer.alloc(bytes, Array.from({ length: 251 }, (_, i) => i) as never);
const TEXT = 'ein Gruß, 你好, 👋 '.repeat(300);
export const BIG = pattern(20 * MIB);
export const ZIPPED = gzipSync(TEXT);
export const WHOLE: Readonly<Record<string, Buffer>> = {
  json: Buffer.from(JSON.stringify({ text: TEXT })),
  chunked: Buffer.from('one two three four five '.repeat(5)),
  gzip: ZIPPED,
  big: BIG,
  empty: Buffer.alloc(0),
};
const ENDLESS_PIECE = Buffer.alloc(64 * 1024, 'x');

export async function startScenarios(protocol: 'http1' | 'http2'): Promise<ScenarioServer> {
  const bodies: string[] = [];
  const sockets = new Set<object>();
  const endless = { bytes: 0, waits: false };
  const answer = (request: Request, response: Response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.url?.endsWith('/hang')) return;
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(sha256(Buffer.concat(chunks)));
      answers[/[a-z]+(?=\?|$)/.exec(request.url ?? '')?.[0] ?? '']?.(
        response as http.ServerResponse,
        endless,
      );
    });
  };
  const server = protocol === 'http1' ? http.createServer(answer) : http2.createServer(answer);
  server.on('connection', (socket: import('node:net').Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    bodies,
    sockets,
    endless,
    async close() {
      for (const socket of sockets) (socket as import('node:net').Socket).destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Answer = (response: http.ServerResponse, endless: ScenarioServer['endless']) => void;

const head = { 'content-type': 'text/plain', 'x-scenario': 'yes' };

const answers: Readonly<Record<string, Answer>> = {
  json: (response) => response.writeHead(200, head).end(WHOLE['json']),
  empty: (response) => response.writeHead(200, head).end(),
  big: (response) => response.writeHead(200, { ...head, 'content-length': BIG.length }).end(BIG),
  refused: (response) => response.writeHead(429, head).end('no'),
  async chunked(response) {
    response.writeHead(200, isHttp2(response) ? head : { ...head, trailer: 'x-sum' });
    for (const piece of Array.from({ length: 5 }, () => 'one two three four five ')) {
      response.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.addTrailers({ 'x-sum': 'abc' });
    response.end();
  },
  gzip(response) {
    response.writeHead(200, { ...head, 'content-encoding': 'gzip' });
    for (let at = 0; at < ZIPPED.length; at += 100) response.write(ZIPPED.subarray(at, at + 100));
    response.end();
  },
  /** Part of an answer, and nothing more. */
  part: (response) => void response.writeHead(200, head).write('part of an answer'),
  reset(response) {
    response.writeHead(200, head).write('part of an answer', () => reset(response));
  },
  cut(response) {
    response.writeHead(200, { ...head, 'content-length': 1000 });
    response.write('part of an answer', () => cut(response));
  },
  gone: (response) => cut(response),
  endless(response, endless) {
    response.writeHead(200, head);
    const more = () => {
      endless.waits = false;
      do endless.bytes += ENDLESS_PIECE.length;
      while (response.write(ENDLESS_PIECE));
      endless.waits = true;
    };
    response.on('drain', more);
    more();
  },
};

const isHttp2 = (response: unknown): response is http2.Http2ServerResponse =>
  response instanceof http2.Http2ServerResponse;

function reset(response: http.ServerResponse): void {
  if (isHttp2(response)) response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  else response.socket?.resetAndDestroy();
}

/** The connection ends, in an orderly way, in the middle of an answer. */
function cut(response: http.ServerResponse): void {
  if (isHttp2(response)) response.stream.session?.destroy();
  else response.socket?.end();
}

import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { bytesOf, piecesOf } from '../support/recordings.ts';
import { hostOf, listen, type Providers, type Request, type Response } from './provider.ts';
import type { Play } from './recorded.ts';

/** Providers that answer with what was recorded of them, in the order in which it will be asked for. */
export interface RecordedProviders extends Providers {
  /** What is asked for next. */
  readonly toCome: Play[];
}

/** Size of the pieces of a compressed body, which fits neither events nor characters. */
const PIECE_BYTES = 700;

export async function startRecordedProviders(): Promise<RecordedProviders> {
  const toCome: Play[] = [];
  let received = 0;
  const listening = await listen(async (request, response) => {
    for await (const _ of request);
    const play = toCome.shift();
    if (play === undefined || !isFor(request, play)) {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`${hostOf(request)}${request.url} instead of ${play?.exchange.request.url}`);
      return;
    }
    if (play.says !== 'no call') received++;
    await answer(response, play);
  });
  return {
    ...listening,
    toCome,
    get received() {
      return received;
    },
  };
}

/** Packages add queries and escape paths in their own ways. */
function isFor(request: Request, { exchange: { request: recorded }, serving }: Play): boolean {
  if (serving === 'gzip' && !/\bgzip\b/.test(String(request.headers['accept-encoding']))) return false;
  const wanted = new URL(recorded.url);
  const { pathname } = new URL(request.url ?? '', wanted);
  return (
    request.method === recorded.method &&
    hostOf(request) === wanted.host &&
    decodeURIComponent(pathname) === decodeURIComponent(wanted.pathname)
  );
}

async function answer(response: Response, { exchange, serving }: Play): Promise<void> {
  const { status, headers } = exchange.response;
  const zipped = serving === 'gzip';
  response.writeHead(status, zipped ? { ...headers, 'content-encoding': 'gzip' } : headers);
  for (const piece of zipped ? cut(gzipSync(bytesOf(exchange))) : piecesOf(exchange)) {
    response.write(piece);
    await turn();
  }
  response.end();
}

function cut(bytes: Buffer): readonly Buffer[] {
  const count = Math.ceil(bytes.length / PIECE_BYTES);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES));
}

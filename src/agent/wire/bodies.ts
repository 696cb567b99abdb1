import type { Writable } from 'node:stream';
import { KIB } from '../../core/units.ts';
import type { FollowedExchange } from './hub.ts';
import { watchMethod } from './watch-method.ts';

/** Text is encoded in pieces of at most so many characters: a prompt of megabytes is never held a second time as a whole. */
const PIECE_CHARS_MAX = 16 * KIB;

type Sink = Pick<Writable, 'writableEnded' | 'destroyed'>;

/** Sees what the app writes to a request, whether by `write`, `end` or a pipe, before the request takes it. */
export function watchSent(request: Sink & object, exchange: FollowedExchange): void {
  const see = (chunk: unknown, encoding: unknown) => {
    if (request.writableEnded || request.destroyed) return;
    givePieces(chunk, encoding, (piece) => exchange.sent(piece));
  };
  watchMethod(exchange, request, 'write', see);
  watchMethod(exchange, request, 'end', see);
}

/**
 * Sees what the parser pushes into a response, before its buffer takes it. The stream is not read, so its flow, its pauses
 * and its buffer's bound stay the app's.
 *
 * @param ended called when the parser says that nothing follows.
 */
export function watchReceived(response: object, exchange: FollowedExchange, ended: () => void): void {
  watchMethod(exchange, response, 'push', (chunk: unknown) => {
    if (chunk === null) ended();
    else if (Buffer.isBuffer(chunk)) exchange.received(chunk);
  });
}

/** What `write` takes, as buffers: text or bytes; anything else the request itself refuses. */
function givePieces(chunk: unknown, encoding: unknown, give: (piece: Buffer) => void): void {
  if (typeof chunk === 'string') giveText(chunk, bufferEncoding(encoding), give);
  else if (Buffer.isBuffer(chunk)) give(chunk);
  else if (chunk instanceof Uint8Array) give(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
}

function bufferEncoding(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
}

function giveText(text: string, encoding: BufferEncoding, give: (piece: Buffer) => void): void {
  if (encoding !== 'utf8' || text.length <= PIECE_CHARS_MAX) {
    give(Buffer.from(text, encoding));
    return;
  }
  for (let at = 0; at < text.length; ) {
    const end = endOfPiece(text, at);
    give(Buffer.from(text.slice(at, end)));
    at = end;
  }
}

/** Never between the two halves of one character. */
function endOfPiece(text: string, at: number): number {
  const end = at + PIECE_CHARS_MAX;
  if (end >= text.length) return text.length;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { uuidOf } from '../../../platform/uuid.ts';

/** As many events as a batch of rows takes, so that a piece is stored whole or not at all. */
export const PIECE_EVENTS_MAX = 1000;
/** The number of a request's last piece under its digest: who has that has them all. */
export const LAST_PIECE = 1_000_000;

/** What a request tells at once, or a part of it, and the batch that it is. */
export interface Piece {
  readonly events: readonly NervecenterEvent[];
  readonly sent: readonly [writer: string, batch: number];
}

/** Events in lots that are accepted one by one. */
export function inPieces(events: readonly NervecenterEvent[]): (readonly NervecenterEvent[])[] {
  const pieces: (readonly NervecenterEvent[])[] = [];
  for (let at = 0; at < events.length; at += PIECE_EVENTS_MAX) {
    pieces.push(events.slice(at, at + PIECE_EVENTS_MAX));
  }
  return pieces;
}

/**
 * What a request tells at once, in pieces. All but the last are named by what is in them: after a kill between them the same
 * request tells only what has no row yet, and is cut elsewhere.
 *
 * @param digest of the request.
 * @param spans to be kept: not among the events' pieces, so that they are cut alike however many of the events are left.
 */
export function piecesOf(
  digest: string,
  events: readonly NervecenterEvent[],
  spans: readonly NervecenterEvent[],
): Piece[] {
  const fitsOne = events.length + spans.length <= PIECE_EVENTS_MAX;
  const pieces = fitsOne ? inPieces([...events, ...spans]) : [...inPieces(events), ...inPieces(spans)];
  return pieces.map((piece, index): Piece => {
    if (index === pieces.length - 1) return { events: piece, sent: [digest, LAST_PIECE] };
    return { events: piece, sent: [uuidOf(`${digest} ${piece.map(({ id }) => id).join()}`), 1] };
  });
}

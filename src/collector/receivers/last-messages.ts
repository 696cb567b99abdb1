import type { Sender } from '../../core/event.ts';
import type { Point } from '../../core/frame.ts';
import { sentBy } from '../../core/records/recorded-request.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import { PieceReader } from '../../link/ring/piece-reader.ts';
import type { Piece } from '../../link/ring/ring-reader.ts';
import { FrameReader } from './frame-reader.ts';
import { eventsAmong, pieceOf, sourceOf } from './shapes.ts';

/** A batch that a process has sent, which its events name by now. */
export interface LastBatch {
  readonly events: readonly NervecenterEvent[];
  readonly instanceId: string;
  readonly batch: number;
  /** It was sent before, to a collector that may have accepted it. */
  readonly again: boolean;
}

/** What a process still had to send as it ended. */
export class LastMessages {
  readonly batches: LastBatch[] = [];
  /** What it measured itself. */
  readonly points: Point[] = [];
  readonly #pieces = new PieceReader({ inPlace: true });
  readonly #frames = new FrameReader();
  #sender: Sender | null = null;

  /** Takes a message in. True when it is the last. */
  take(claimed: unknown): boolean {
    const message = (typeof claimed === 'object' && claimed !== null ? claimed : {}) as Record<
      string,
      unknown
    >;
    if (message['type'] === 'hello') {
      const source = sourceOf(message['source']);
      if (source !== null) this.#sender = { instanceId: source.instanceId, service: source.service };
    } else if (this.#sender !== null) this.#take(this.#sender, message);
    return message['type'] === 'goodbye';
  }

  #take(sender: Sender, message: Readonly<Record<string, unknown>>): void {
    const points = this.#frames.frameOf(message)?.usable.points ?? [];
    this.points.push(...points.map((point) => ({ ...point, sender })));
    const piece = message['type'] === 'records' ? pieceOf(message) : null;
    const events = piece && this.#eventsIn(piece);
    if (piece === null || events === null) return;
    this.batches.push({
      events: events.map((event) => sentBy(event, sender)),
      instanceId: sender.instanceId,
      batch: piece.batch,
      again: message['again'] === true,
    });
  }

  /** `null` where they are no records: of no agent of ours, and no reason to leave nothing of what else comes. */
  #eventsIn(piece: Omit<Piece, 'again'>): readonly NervecenterEvent[] | null {
    try {
      return eventsAmong(this.#pieces.events(piece).map(({ event }) => event)).usable;
    } catch {
      return null;
    }
  }
}

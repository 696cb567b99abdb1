import type { AgentMessage, RecordsMessage } from '../../core/frame.ts';
import { FrameDecoder } from '../../core/frames/frame-decoder.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import { PieceReader } from '../../link/ring/piece-reader.ts';
import { type Piece, RingReader } from '../../link/ring/ring-reader.ts';
import type { RingWriter } from '../../link/ring/ring-writer.ts';
import { TimerOnDemand } from '../timer-on-demand.ts';
import type { CollectorLink, MessageLink } from './link.ts';

/** What happens in so short a time is handed over together; a process that is killed loses no more than that. */
const HAND_OVER_MS = 25;

/** Hands over, as messages, what is written to the ring of this thread. */
export class PieceSender {
  readonly #send: (piece: Piece) => void;
  readonly #reader: RingReader;
  readonly #timer = new TimerOnDemand(() => this.send(), HAND_OVER_MS);

  /** @param send must not throw. */
  constructor(ring: RingWriter, send: (piece: Piece) => void) {
    this.#send = send;
    const onSegment = (segment: Parameters<RingReader['add']>[0]) => this.#reader.add(segment);
    this.#reader = new RingReader(ring.share({ onWake: () => this.#timer.wake(), onSegment }));
    this.send();
  }

  /** @param evenIfBehind whether or not whoever takes it keeps up: nobody waits for an answer any more. */
  send(evenIfBehind = false): void {
    this.#reader.sleep.begin();
    for (let piece = this.#reader.next(evenIfBehind); piece !== null; piece = this.#reader.next(evenIfBehind))
      this.#send(piece);
  }

  accepted(batch: number): void {
    this.#reader.accepted(batch);
    this.#timer.wake(); // It may have been behind.
  }

  close(): void {
    this.#timer.stop();
  }
}

/** The link to a collector of another process. @param takesBytes whether that one is of a version that knows them. */
export function sendingPieces(to: MessageLink, ring: RingWriter, takesBytes: boolean): CollectorLink {
  const messageOf = takesBytes ? recordsMessage : eventsMessages();
  const link = takesBytes ? to : sendingObjects(to);
  let last: AgentMessage[] | null = null;
  const sender = new PieceSender(ring, (piece) => {
    if (last === null) link.send(messageOf(piece));
    else last.push(messageOf(piece));
  });
  return {
    send: (message) => link.send(message),
    handOver: () => sender.send(),
    accepted: (batch) => sender.accepted(batch),
    flushSync: (messages, deadlineMs) => {
      last = [];
      sender.close();
      sender.send(true);
      return link.flushSync([...last, ...messages], deadlineMs);
    },
    close: () => {
      sender.close();
      link.close();
    },
  };
}

export function recordsMessage(piece: Piece): RecordsMessage {
  return { type: 'records', ...piece };
}

/** For collectors of before. */
function eventsMessages(): (piece: Piece) => AgentMessage {
  const pieces = new PieceReader();
  return (piece) => {
    const events = pieces.events(piece).map(({ event }) => event as unknown as NervecenterEvent);
    return { type: 'events', batch: piece.batch, again: piece.again, events };
  };
}

/** The link to a collector of a version that takes frames as objects: it gets them so. */
function sendingObjects(link: MessageLink): MessageLink {
  const decoder = new FrameDecoder();
  const asObject = (message: AgentMessage): AgentMessage =>
    message.type === 'frame-bytes' ? { type: 'frame', frame: decoder.read(message.bytes) } : message;
  return {
    ...link,
    send: (message) => link.send(asObject(message)),
    flushSync: (messages, deadlineMs) => link.flushSync(messages.map(asObject), deadlineMs),
  };
}

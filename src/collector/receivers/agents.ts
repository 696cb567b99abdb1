import type { Sender } from '../../core/event.ts';
import type { Source } from '../../core/frame.ts';
import type { Disagreement, Leaving } from '../../core/place.ts';
import { sentBy } from '../../core/records/recorded-request.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import { PieceReader } from '../../link/ring/piece-reader.ts';
import type { AgentLink } from '../agent-link.ts';
import { FrameReader } from './frame-reader.ts';
import type { SentBatches } from './sent-batches.ts';
import {
  eventsAmong,
  eventsOf,
  leavingOf,
  pieceOf,
  placeOf,
  type ReceivedFrame,
  sourceOf,
  type Usable,
} from './shapes.ts';
import type { Sharing } from './sharing.ts';

/** What agents' messages turn into; `collector/start.ts` says what each does. */
export interface AgentHandlers {
  readonly sharing: Pick<Sharing, 'holder' | 'loginFor' | 'disagreement' | 'claimed' | 'add' | 'remove'>;
  /** Returns false when the agent is refused. */
  join(source: Source): boolean;
  leave(instanceId: string): void;
  /** Takes what processes that are gone have left there, now and later. */
  takeLeft(leaving: Leaving): void;
  frame(sender: Sender, frame: ReceivedFrame): void;
  readonly sentBatches: SentBatches;
  /**
   * Takes responsibility for the events of a batch, which say by now who sent them; resolves once it has. Never rejects.
   *
   * @param doubtful whether they came again, and nobody knows whether they were accepted before.
   */
  events(events: readonly NervecenterEvent[], batch: number, doubtful: boolean): Promise<void>;
  /** Counts what came in a shape that cannot be used. */
  refused(what: 'events' | 'measurements' | 'messages', count: number): void;
  ask(what: 'snapshot' | 'health'): unknown;
  goodbye(instanceId: string): void;
}

type Fields = Readonly<Record<string, unknown>>;

/** A process waits for its batches to be accepted: it sends no more than some of them, and a frame a second at most. */
const HELD_MAX = 1000;

/** Serves one agent until its link closes. Messages before its `hello` are ignored: nobody to attribute them to. */
export function receiveFrom(link: AgentLink, handlers: AgentHandlers): void {
  let sender: Sender | null = null;
  const pieces = new PieceReader({ inPlace: true });
  const frames = new FrameReader();
  /** Messages behind a batch that may have been accepted before, until that is known; its sender sends few of them. */
  let held: Fields[] | null = null;
  let heldBytes = 0;
  const holding = (bytes: number) => {
    heldBytes = bytes;
    link.holding?.(bytes, () => {
      held = [];
      heldBytes = 0;
    });
  };
  const release = (by: Sender, known: boolean) => {
    const messages = held ?? [];
    held = null;
    holding(0);
    const closed = sender === null;
    // Who lives on sends them to the next collector as well, which may know better.
    if (closed && !known && !messages.some(isGoodbye)) return;
    for (const message of messages) handleHeld({ link, handlers, sender: by, pieces, frames }, message);
    if (closed) handlers.leave(by.instanceId); // Once more: its frames have brought its gauges back.
  };
  link.onMessage((claimed: unknown, bytes = 0) => {
    const message = (typeof claimed === 'object' && claimed !== null ? claimed : {}) as Fields;
    if (message['type'] === 'hello') {
      const source = sender === null ? sourceOf(message['source']) : null;
      const why = whyNot(message['place'], handlers);
      if (source !== null && why !== null) {
        link.send({ type: 'refused', holder: handlers.sharing.holder, why });
        return;
      }
      if (source === null || !handlers.sharing.add(link) || !handlers.join(source)) {
        link.close();
        return;
      }
      sender = { instanceId: source.instanceId, service: source.service };
      const leaving = leavingOf(message['leaving']);
      if (leaving !== null) handlers.takeLeft(leaving);
      link.send({ type: 'welcome', holder: handlers.sharing.holder, takesBytes: true, awaitsNext: true });
      return;
    }
    if (sender === null) {
      answerStranger(link, handlers.sharing, message);
      return;
    }
    if (held === null && message['again'] === true && !handlers.sentBatches.complete) {
      const by = sender;
      held = [];
      handlers.sentBatches.whenComplete((known) => release(by, known));
    }
    if (held === null || message['type'] === 'ask')
      handle({ link, handlers, sender, pieces, frames }, message);
    else if (held.length >= HELD_MAX) link.close();
    else {
      held.push(message);
      holding(heldBytes + bytes);
      // A process that ends waits for it; whoever stops because of it takes what is held first.
      if (isGoodbye(message)) handlers.goodbye(sender.instanceId);
    }
  });
  link.onClose(() => {
    handlers.sharing.remove(link);
    if (sender !== null) handlers.leave(sender.instanceId);
    sender = null;
  });
}

/** Why a process is not taken: what it wants that nobody can read is not what there is. An old version wants nothing. */
function whyNot(claimed: unknown, { sharing }: AgentHandlers): Disagreement | null {
  if (claimed === undefined) return null;
  const place = placeOf(claimed);
  return place === null ? 'place' : sharing.disagreement(place);
}

/** Somebody who sends nothing: another collector, or a person who looks for the dashboard. */
function answerStranger(link: AgentLink, sharing: AgentHandlers['sharing'], message: Fields): void {
  const { holder } = sharing;
  const { type } = message;
  if (type === 'claim' || type === 'who') link.send({ type: 'held', holder });
  if (type === 'claim') sharing.claimed();
  const place = type === 'where' ? placeOf(message['place']) : null;
  if (place === null) return;
  const why = sharing.disagreement(place);
  link.send({ type: 'here', holder, login: sharing.loginFor(why), why });
}

const isGoodbye = (message: Fields): boolean => message['type'] === 'goodbye';

interface Agent {
  readonly link: AgentLink;
  readonly handlers: AgentHandlers;
  readonly sender: Sender;
  readonly pieces: PieceReader;
  readonly frames: FrameReader;
}

function handle(agent: Agent, message: Fields): void {
  const { link, handlers, sender } = agent;
  switch (message['type']) {
    case 'frame':
    case 'frame-bytes':
      mergeFrame(agent, message);
      break;
    case 'events':
      takeBatch(agent, message);
      break;
    case 'records':
      takePiece(agent, message);
      break;
    case 'ask': {
      const what = message['what'] === 'health' ? 'health' : 'snapshot';
      link.send({ type: 'answer', ask: numberIn(message['ask']), value: handlers.ask(what) });
      break;
    }
    case 'goodbye':
      handlers.goodbye(sender.instanceId);
      break;
    default:
      handlers.refused('messages', 1); // Of a newer version, say.
  }
}

/** Whoever else waits to be released must not suffer from what one has sent. */
function handleHeld(agent: Agent, message: Fields): void {
  try {
    handle(agent, message);
  } catch {
    agent.handlers.refused('messages', 1);
  }
}

/** `NaN` where it is none: to convert what a peer sends may throw. */
function numberIn(claimed: unknown): number {
  return typeof claimed === 'number' ? claimed : Number.NaN;
}

function mergeFrame({ handlers, sender, frames }: Agent, message: Fields): void {
  const frame = frames.frameOf(message);
  if (frame !== null) handlers.frame(sender, frame.usable);
  if (frame === null) handlers.refused('messages', 1);
  else if (frame.refused > 0) handlers.refused('measurements', frame.refused);
}

/** Refused ones are accepted, too: sent again they would be refused again, and the rest would wait behind them for ever. */
function takeBatch(agent: Agent, message: Fields): void {
  const { handlers, sender } = agent;
  const batch = numberIn(message['batch']);
  const events = eventsOf(message['events'], message['requests']);
  if (events === null || !Number.isSafeInteger(batch)) refuse(agent, batch);
  else if (!handlers.sentBatches.accept(sender.instanceId, batch))
    agent.link.send({ type: 'accepted', batch });
  else take(agent, events, { batch, again: message['again'] === true });
}

/** What was accepted before may be in a piece with what was not. */
function takePiece(agent: Agent, message: Fields): void {
  const { link, handlers, sender, pieces } = agent;
  const piece = pieceOf(message);
  if (piece === null) {
    refuse(agent, numberIn(message['batch']));
    return;
  }
  const { batch } = piece;
  try {
    const accepted = handlers.sentBatches.lastOf(sender.instanceId);
    const fresh = pieces.events(piece).filter(({ endsAt }) => endsAt > accepted);
    if (handlers.sentBatches.accept(sender.instanceId, batch))
      take(agent, eventsAmong(fresh.map(({ event }) => event)), { batch, again: message['again'] === true });
    else link.send({ type: 'accepted', batch });
  } catch {
    refuse(agent, batch); // No records: of no agent of ours.
  }
}

function refuse({ link, handlers }: Agent, batch: number): void {
  handlers.refused('messages', 1);
  link.send({ type: 'accepted', batch });
}

interface Numbered {
  readonly batch: number;
  readonly again: boolean;
}

function take(
  agent: Agent,
  { usable, refused }: Usable<readonly NervecenterEvent[]>,
  { batch, again }: Numbered,
): void {
  const { link, handlers, sender } = agent;
  if (refused > 0) handlers.refused('events', refused);
  // Also over a sender that the events claim themselves.
  const attributed = usable.map((event) => sentBy(event, sender));
  const accepted = () => link.send({ type: 'accepted', batch });
  // Sent again it would fail again.
  const doubtful = again && !handlers.sentBatches.known;
  void handlers.events(attributed, batch, doubtful).then(accepted, () => refuse(agent, batch));
}

import type { Sender } from '../../core/event.ts';
import type { Frame, Source } from '../../core/frame.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import type { AgentLink } from '../agent-link.ts';
import { eventsOf, frameOf, sourceOf } from './shapes.ts';

/** What agents' messages turn into; `collector/start.ts` says what each does. */
export interface AgentHandlers {
  /** Returns false when the agent is refused. */
  join(source: Source): boolean;
  leave(instanceId: string): void;
  frame(instanceId: string, frame: Pick<Frame, 'points' | 'dropped'>): void;
  /** Takes responsibility for the events, which say by now who sent them; resolves once it has. Never rejects. */
  events(events: readonly NervecenterEvent[]): Promise<void>;
  /** Counts what came in a shape that cannot be used. */
  refused(what: 'events' | 'measurements' | 'messages', count: number): void;
  ask(what: 'snapshot' | 'health'): unknown;
  goodbye(instanceId: string): void;
}

type Fields = Readonly<Record<string, unknown>>;

/** Serves one agent until its link closes. Messages before its `hello` are ignored: nobody to attribute them to. */
export function receiveFrom(link: AgentLink, handlers: AgentHandlers): void {
  let sender: Sender | null = null;
  link.onMessage((claimed: unknown) => {
    const message = (typeof claimed === 'object' && claimed !== null ? claimed : {}) as Fields;
    if (message['type'] === 'hello') {
      const source = sender === null ? sourceOf(message['source']) : null;
      if (source === null || !handlers.join(source)) {
        link.close();
        return;
      }
      sender = { instanceId: source.instanceId, service: source.service };
      link.send({ type: 'welcome' });
    } else if (sender !== null) handle(link, handlers, sender, message);
  });
  link.onClose(() => {
    if (sender !== null) handlers.leave(sender.instanceId);
    sender = null;
  });
}

function handle(link: AgentLink, handlers: AgentHandlers, sender: Sender, message: Fields): void {
  switch (message['type']) {
    case 'frame':
      mergeFrame(handlers, sender.instanceId, message['frame']);
      break;
    case 'events':
      // Refused ones, too: sent again they would be refused again, and the rest would wait behind them for ever.
      void takeEvents(handlers, sender, eventsOf(message['events'], message['requests'])).then(() =>
        link.send({ type: 'accepted', batch: Number(message['batch']) }),
      );
      break;
    case 'ask': {
      const what = message['what'] === 'health' ? 'health' : 'snapshot';
      link.send({ type: 'answer', ask: Number(message['ask']), value: handlers.ask(what) });
      break;
    }
    case 'goodbye':
      handlers.goodbye(sender.instanceId);
      break;
    default:
      handlers.refused('messages', 1); // Of a newer version, say.
  }
}

function mergeFrame(handlers: AgentHandlers, instanceId: string, claimed: unknown): void {
  const frame = frameOf(claimed);
  if (frame !== null) handlers.frame(instanceId, frame.usable);
  if (frame === null) handlers.refused('messages', 1);
  else if (frame.refused > 0) handlers.refused('measurements', frame.refused);
}

async function takeEvents(
  handlers: AgentHandlers,
  sender: Sender,
  events: ReturnType<typeof eventsOf>,
): Promise<void> {
  if (events === null) handlers.refused('messages', 1);
  else if (events.refused > 0) handlers.refused('events', events.refused);
  // Also over a sender that the events claim themselves.
  if (events !== null) await handlers.events(events.usable.map((event) => ({ ...event, sender })));
}

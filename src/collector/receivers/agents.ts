import type { NervecenterEvent } from '../../core/event.ts';
import type { AgentMessage, Frame, Source } from '../../core/frame.ts';
import type { AgentLink } from '../agent-link.ts';

/** What agents' messages turn into; `collector/start.ts` says what each does. */
export interface AgentHandlers {
  /** Returns false when the agent is refused. */
  join(source: Source): boolean;
  leave(instanceId: string): void;
  frame(instanceId: string, frame: Frame): void;
  /** Takes responsibility for the events; resolves once it has. Never rejects. */
  events(events: readonly NervecenterEvent[]): Promise<void>;
  ask(what: 'snapshot' | 'health'): unknown;
  goodbye(instanceId: string): void;
}

/** Serves one agent until its link closes. Messages before its `hello` are ignored: nobody to attribute them to. */
export function receiveFrom(link: AgentLink, handlers: AgentHandlers): void {
  let instanceId: string | null = null;
  link.onMessage((message) => {
    if (message.type === 'hello') {
      if (instanceId !== null || !handlers.join(message.source)) link.close();
      else instanceId = message.source.instanceId;
      return;
    }
    if (instanceId !== null) handle(link, handlers, instanceId, message);
  });
  link.onClose(() => {
    if (instanceId !== null) handlers.leave(instanceId);
    instanceId = null;
  });
}

function handle(
  link: AgentLink,
  handlers: AgentHandlers,
  instanceId: string,
  message: Exclude<AgentMessage, { type: 'hello' }>,
): void {
  switch (message.type) {
    case 'frame':
      handlers.frame(instanceId, message.frame);
      break;
    case 'events':
      void handlers.events(message.events).then(() => link.send({ type: 'accepted', batch: message.batch }));
      break;
    case 'ask':
      link.send({ type: 'answer', ask: message.ask, value: handlers.ask(message.what) });
      break;
    case 'goodbye':
      handlers.goodbye(instanceId);
      break;
  }
}

import type { NervecenterEvent, SignalName } from '../event.ts';
import type { Signal } from '../signal.ts';
import { cache } from './cache.ts';
import { llmCall } from './llm-call.ts';
import { ragQuery } from './rag-query.ts';
import { request } from './request.ts';
import { system } from './system.ts';
import { wsSession } from './ws-session.ts';

type SignalOf<N extends SignalName> = Signal<Extract<NervecenterEvent, { signal: N }>>;

/** Every kind of event there is. To add one: a file beside this, its event in `event.ts`, a line here, a migration. */
export const SIGNALS: { readonly [N in SignalName]: SignalOf<N> } = {
  request,
  'llm-call': llmCall,
  'rag-query': ragQuery,
  cache,
  system,
  'ws-session': wsSession,
};

/** The signal of an event. */
export function signalOf(event: NervecenterEvent): Signal {
  return SIGNALS[event.signal] as unknown as Signal;
}

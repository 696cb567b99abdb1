import type { Meter } from '@opentelemetry/api';
import type { EventBase } from '../event.ts';
import { cache } from './cache.ts';
import { llmCall } from './llm-call.ts';
import { ragQuery } from './rag-query.ts';
import { request } from './request.ts';
import type { Signal } from './signal.ts';
import { span } from './span.ts';
import { system } from './system.ts';
import { wsSession } from './ws-session.ts';

/**
 * Every kind of event there is. To add one: a file beside this, a line here, a migration; and in the dashboard, if it is to
 * be seen live, a panel.
 */
export const SIGNALS = {
  request,
  'llm-call': llmCall,
  'rag-query': ragQuery,
  cache,
  system,
  'ws-session': wsSession,
  span,
} as const;

export type SignalName = keyof typeof SIGNALS;

type EventOf<S> = S extends Signal<infer E extends EventBase> ? E : never;

/** One business fact, made once, of any kind. */
export type NervecenterEvent = EventOf<(typeof SIGNALS)[SignalName]>;

export const SIGNAL_NAMES = Object.keys(SIGNALS) as SignalName[];

/** A signal for code that treats them all alike. */
export function signalNamed(name: SignalName): Signal<NervecenterEvent> {
  return SIGNALS[name] as unknown as Signal<NervecenterEvent>;
}

/** A value for every signal. */
export function ofSignals<T>(
  value: (signal: Signal<NervecenterEvent>) => T,
): Readonly<Record<SignalName, T>> {
  return Object.fromEntries(SIGNAL_NAMES.map((name) => [name, value(signalNamed(name))])) as Record<
    SignalName,
    T
  >;
}

/** Makes the instruments of all signals, and gives back what records an event on those of its own. */
export function eventMeasure(meter: Meter): (event: NervecenterEvent) => void {
  const measures = ofSignals((signal) => signal.measure(meter));
  return (event) => measures[event.signal](event);
}

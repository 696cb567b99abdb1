import type { SpanEvent, WholeSpan } from '../../../core/signals/span.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { OtlpAttributes } from './model.ts';
import { keptSpan } from './spans/kept-span.ts';

const NANOSECONDS = 1e6;

/** What is kept of a span that an agent hands over: what is kept of one that comes by OTLP. */
export function keptAppSpan(event: SpanEvent, whole: WholeSpan): SpanEvent {
  const { attributes, events, errorType } = keptSpan(
    {
      ...event,
      resource: { attributes: {} },
      scope: { name: event.scope, version: whole.scope.version ?? '' },
      startMs: event.timeMs - event.durationMs,
      endMs: event.timeMs,
      statusMessage: '',
      attributes: bare(whole.attributes),
      events: whole.events.map(({ name, time: [seconds, nanoseconds], attributes: told }) => ({
        name,
        timeMs: seconds * SECOND_MS + nanoseconds / NANOSECONDS,
        attributes: bare(told),
      })),
      allAttributes: () => bare(whole.attributes),
    },
    null,
  );
  const { whole: _sent, ...kept } = event;
  return { ...kept, attributes, events, errorType };
}

function bare(attributes: WholeSpan['attributes']): OtlpAttributes {
  return Object.assign(Object.create(null), attributes);
}

import type { SpanEvent } from '../../../../../core/signals/span.ts';
import { endOf } from '../../event-id.ts';
import type { OtlpAttributes, OtlpResource, OtlpSpan, OtlpSpanEvent, OtlpValue } from '../../model.ts';

/**
 * A span as it came, as far as it was kept: for what was held when the collector was killed, which `decideTrace` then decides
 * as if it had just come.
 */
export function spanOfStored(stored: SpanEvent): OtlpSpan {
  const attributes = attributesIn(parsed(stored.attributes));
  const endMs = endOf(stored.id, stored.timeMs);
  const startMs = endMs - stored.durationMs;
  return {
    resource: resourceOf(stored),
    scope: { name: stored.scope, version: '' },
    traceId: stored.traceId,
    spanId: stored.spanId,
    parentSpanId: stored.parentSpanId,
    name: stored.name,
    kind: stored.kind,
    startMs,
    endMs,
    status: stored.status,
    statusMessage: '',
    attributes: stored.errorType === null ? attributes : { 'error.type': stored.errorType, ...attributes },
    events: eventsIn(parsed(stored.events), startMs),
    allAttributes: () => attributes,
  };
}

function resourceOf({ sender }: SpanEvent): OtlpResource {
  if (sender === undefined) return { attributes: {} };
  return { attributes: { 'service.name': sender.service, 'service.instance.id': sender.instanceId } };
}

function eventsIn(list: unknown, startMs: number): OtlpSpanEvent[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry): OtlpSpanEvent[] => {
    const [name, afterMs, attributes] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name !== 'string' || typeof afterMs !== 'number') return [];
    return [{ name, timeMs: startMs + afterMs, attributes: attributesIn(attributes) }];
  });
}

function attributesIn(value: unknown): OtlpAttributes {
  const bare: Record<string, OtlpValue> = Object.create(null);
  return typeof value === 'object' && value !== null ? Object.assign(bare, value) : bare;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null; // A row of another writer.
  }
}

import { UNNAMED_SERVICE } from '../../../core/event.ts';
import type { Source } from '../../../core/frame.ts';
import { isUuid } from '../../../core/signals/checks.ts';
import { text } from '../../../core/signals/row.ts';
import { milliseconds } from '../../../core/units.ts';
import { uuidOf } from '../../../platform/uuid.ts';
import type { OtlpResource, OtlpValue } from './model.ts';

const NAME_CHARS_MAX = 255;
/** Readers of metrics send every minute by default; who is silent for longer is not late. */
const INTERVAL_MS = milliseconds(60_000);

const KNOWN = new WeakMap<OtlpResource, Source>();

/**
 * The process that a resource describes. Its instance is `service.instance.id` where that is a UUID, else one made of it and
 * of what else tells processes apart, the same for the same resource.
 */
export function sourceOfResource(resource: OtlpResource): Source {
  let source = KNOWN.get(resource);
  if (source === undefined) {
    source = read(resource);
    KNOWN.set(resource, source);
  }
  return source;
}

function read({ attributes }: OtlpResource): Source {
  const service = nameOf(attributes['service.name']) ?? UNNAMED_SERVICE;
  const host = nameOf(attributes['host.name']) ?? nameOf(attributes['k8s.pod.name']) ?? '';
  const pid = Number(attributes['process.pid']);
  const claimed = nameOf(attributes['service.instance.id']);
  const told = [attributes['service.namespace'], service, claimed, host, attributes['process.pid']];
  return {
    service,
    instanceId: claimed !== null && isUuid(claimed) ? claimed.toLowerCase() : uuidOf(JSON.stringify(told)),
    host,
    pid: Number.isSafeInteger(pid) && pid >= 0 ? pid : 0,
    instrumentations: ['otlp'],
    frameIntervalMs: INTERVAL_MS,
  };
}

function nameOf(value: OtlpValue | undefined): string | null {
  const name = typeof value === 'string' ? text(value, NAME_CHARS_MAX) : null;
  return name === '' ? null : name;
}

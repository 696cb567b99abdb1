import { UNNAMED_SERVICE } from '../../../core/event.ts';
import type { Attributes, AttributeValue, Source } from '../../../core/frame.ts';
import { isUuid } from '../../../core/signals/checks.ts';
import { text } from '../../../core/signals/row.ts';
import { milliseconds } from '../../../core/units.ts';
import { uuidOf } from '../../../platform/uuid.ts';
import type { OtlpAttributes, OtlpResource, OtlpValue } from './model.ts';

const NAME_CHARS_MAX = 255;
/** What is kept of a resource, of ten thousand processes. */
const ATTRIBUTES_MAX = 64;
const VALUE_CHARS_MAX = 1000;
const ATTRIBUTES_CHARS_MAX = 8000;
/** What tells processes apart is kept first, whatever else there is. */
const TELLING_APART = [
  'service.name',
  'service.namespace',
  'service.instance.id',
  'host.name',
  'k8s.pod.name',
  'process.pid',
];
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

/** One that says other things of the same process: what of a resource is remembered for long. */
export function ofSameProcess(resource: OtlpResource, attributes: OtlpAttributes): OtlpResource {
  const other = { attributes };
  KNOWN.set(other, sourceOfResource(resource));
  return other;
}

function read(resource: OtlpResource): Source {
  const attributes = keptOf(resource);
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
    resource: attributes,
    frameIntervalMs: INTERVAL_MS,
  };
}

/** What of a resource goes on with the metrics of the process; whoever receives them takes it for the same process. */
function keptOf({ attributes }: OtlpResource): Attributes {
  const kept = new Map<string, AttributeValue>();
  let chars = 0;
  for (const name of [...TELLING_APART, ...Object.keys(attributes)]) {
    const value = plain(attributes[name]);
    if (value === null || kept.has(name) || kept.size >= ATTRIBUTES_MAX) continue;
    chars += name.length + String(value).length;
    if (chars > ATTRIBUTES_CHARS_MAX) break;
    kept.set(name, value);
  }
  return Object.fromEntries(kept);
}

function plain(value: OtlpValue | undefined): AttributeValue | null {
  if (typeof value === 'string') return text(value, VALUE_CHARS_MAX);
  return typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function nameOf(value: OtlpValue | undefined): string | null {
  const name = typeof value === 'string' ? text(value, NAME_CHARS_MAX) : null;
  return name === '' ? null : name;
}

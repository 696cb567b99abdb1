import type { Attributes } from '../../core/frame.ts';
import { parseAttributes } from '../resource.ts';
import type { FilePart } from './file-part.ts';

export const DETECTORS = ['host', 'process', 'service'] as const;
type Detector = (typeof DETECTORS)[number];

/** By the names of OpenTelemetry JS. */
export interface SpanLimits {
  readonly attributeValueLengthLimit?: number;
  readonly attributeCountLimit?: number;
  readonly eventCountLimit?: number;
  readonly linkCountLimit?: number;
  readonly attributePerEventCountLimit?: number;
  readonly attributePerLinkCountLimit?: number;
}

/** What a configuration file says of the app's SDK that no setting of ours says. */
export interface FileSdk {
  readonly spanLimits: SpanLimits;
  readonly detectors: readonly Detector[];
  /** Of the SDK's own diagnostics, by the names of OpenTelemetry JS; `null`: they are not shown. */
  readonly logLevel: 'ALL' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'NONE' | null;
}

const LIMITS: Readonly<Record<keyof SpanLimits, string>> = {
  attributeValueLengthLimit: 'attribute_value_length_limit',
  attributeCountLimit: 'attribute_count_limit',
  eventCountLimit: 'event_count_limit',
  linkCountLimit: 'link_count_limit',
  attributePerEventCountLimit: 'event_attribute_count_limit',
  attributePerLinkCountLimit: 'link_attribute_count_limit',
};
const LOG_LEVELS: Readonly<Record<string, FileSdk['logLevel']>> = {
  trace: 'ALL',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  fatal: 'NONE',
};
const PARENT_DECIDES = {
  remote_parent_sampled: 'always_on',
  remote_parent_not_sampled: 'always_off',
  local_parent_sampled: 'always_on',
  local_parent_not_sampled: 'always_off',
} as const;
const ROOTS = ['always_on', 'always_off', 'trace_id_ratio_based'] as const;
const PROPAGATORS = ['tracecontext', 'baggage', 'b3', 'b3multi', 'none'] as const;

export function readSdk(file: FilePart): FileSdk {
  const level = file.text('log_level')?.replace(/\d$/, '');
  const provider = file.part('tracer_provider');
  provider?.part('id_generator')?.oneOf(['random']);
  file.part('logger_provider')?.part('limits')?.passOver({ attribute_count_limit: 128 });
  return {
    spanLimits: spanLimits(provider?.part('limits') ?? null, file.part('attribute_limits')),
    detectors: detectorsIn(file.part('resource')),
    logLevel: (level === undefined ? null : LOG_LEVELS[level]) ?? null,
  };
}

/** Those of spans, and where there are none those of everything. */
function spanLimits(own: FilePart | null, general: FilePart | null): SpanLimits {
  const limits = Object.entries(LIMITS).map(([name, inFile]) => {
    const [ofSpans, ofAll] = [own?.number(inFile), general?.number(inFile)];
    return [name, ofSpans ?? ofAll ?? null] as const;
  });
  return Object.fromEntries(limits.filter(([, limit]) => limit !== null));
}

function detectorsIn(resource: FilePart | null): Detector[] {
  const asked = resource?.part('detection/development')?.parts('detectors') ?? [];
  return asked.flatMap((detector) => detector.oneOf(DETECTORS)?.name ?? []);
}

/** As `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say it; nothing where the default holds. */
export function samplerVariables(file: FilePart): Record<string, string> {
  const sampler = file.part('tracer_provider')?.part('sampler');
  const found = sampler?.oneOf([...ROOTS, 'parent_based']);
  if (found == null) return {};
  if (found.name !== 'parent_based') return rootVariables(found.name, found.part, '');
  const { part } = found;
  for (const [name, decision] of Object.entries(PARENT_DECIDES)) part.part(name)?.oneOf([decision]);
  const root = part.part('root');
  const decides = root === null ? null : root.oneOf(ROOTS);
  return decides === null ? {} : rootVariables(decides.name, decides.part, 'parentbased_');
}

function rootVariables(name: (typeof ROOTS)[number], part: FilePart, prefix: string): Record<string, string> {
  if (name !== 'trace_id_ratio_based') return { OTEL_TRACES_SAMPLER: `${prefix}${name}` };
  return {
    OTEL_TRACES_SAMPLER: `${prefix}traceidratio`,
    OTEL_TRACES_SAMPLER_ARG: String(part.number('ratio') ?? 1),
  };
}

/** As `OTEL_PROPAGATORS` names them. A file that names none has none, unlike the variable. */
export function propagatorNames(file: FilePart): string {
  const part = file.part('propagator');
  const single = part?.parts('composite').flatMap((one) => one.oneOf(PROPAGATORS)?.name ?? []) ?? [];
  const listed = (part?.text('composite_list') ?? '').split(',').flatMap((name) => name.trim() || []);
  const isKnown = (name: string) => PROPAGATORS.some((one) => one === name);
  if (!listed.every(isKnown)) part?.leave('composite_list');
  const names = new Set([...single, ...listed.filter(isKnown)]);
  return names.size === 0 || names.has('none') ? 'none' : [...names].join(',');
}

/** Those of the list, and over them those named one by one. A list as a value cannot be told. */
export function attributesIn(file: FilePart): Attributes {
  const resource = file.part('resource');
  const named = resource?.parts('attributes').flatMap((one) => {
    const [name, value] = [one.text('name') ?? '', one.value('value')];
    one.text('type');
    if (Array.isArray(value)) one.leave('value');
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[name, value] as const]
      : [];
  });
  return { ...parseAttributes(resource?.text('attributes_list') ?? ''), ...Object.fromEntries(named ?? []) };
}

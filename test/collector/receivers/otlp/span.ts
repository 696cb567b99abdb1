import type {
  OtlpAttributes,
  OtlpResource,
  OtlpSpan,
} from '../../../../src/collector/receivers/otlp/model.ts';
import { wantedKeys } from '../../../../src/collector/receivers/otlp/spans/people.ts';

export const TRACE = `${'a'.repeat(16)}0123456789abcdef`;
export const STARTED_MS = 1_790_000_000_000;

export const APP: OtlpResource = {
  attributes: bare({ 'service.name': 'app', 'service.instance.id': '3f1c8b9e-0000-4000-8000-000000000001' }),
};

export type SpanParts = Partial<Omit<OtlpSpan, 'allAttributes' | 'attributes' | 'scope'>> & {
  readonly attributes?: OtlpAttributes;
  readonly scope?: string;
};

const WANTED = wantedKeys(null);

/** A span as the decoder gives it: of its attributes there are those that are wanted, and all of them for who asks. */
export function spanOf({ attributes = {}, scope = 'test', ...parts }: SpanParts = {}): OtlpSpan {
  const wanted = Object.entries(attributes).filter(([key]) => WANTED.has(key));
  return {
    resource: APP,
    traceId: TRACE,
    spanId: '00000000000000a1',
    parentSpanId: null,
    name: 'work',
    kind: 'internal',
    startMs: STARTED_MS,
    endMs: STARTED_MS + 100,
    status: 'unset',
    statusMessage: '',
    events: [],
    ...parts,
    scope: { name: scope, version: '1' },
    attributes: bare(Object.fromEntries(wanted)),
    allAttributes: () => bare(attributes),
  };
}

/** Sixteen digits for a number. */
export const spanId = (number: number): string => number.toString(16).padStart(16, '0');
export const traceId = (number: number): string => `a${number.toString(16).padStart(31, '0')}`;

function bare(attributes: OtlpAttributes): OtlpAttributes {
  return Object.assign(Object.create(null), attributes);
}

import { OTHER_ROUTE, ROUTES_MAX, UNMATCHED_ROUTE } from '../http/served.ts';
import { ABORTED, CALL_MODEL, CALL_OPERATION, CALL_PROVIDER, OTHER } from '../llm/labels.ts';
import { CACHE_NAME, OTHER_CACHES, RESERVED_CACHES } from '../signals/cache.ts';
import { RESERVED_STAGES, STAGE_ATTRIBUTE } from '../signals/rag-query.ts';

/** A label of our metrics whose values are names from outside, and how many of them have series of their own. */
export interface LabelBound {
  readonly attribute: string;
  /** Values at once over all who send, reserved ones included. */
  readonly max: number;
  readonly other: string;
  readonly reserved: readonly string[];
}

export const ROUTE = 'http.route';
export const ERROR_TYPE = 'error.type';
/** Of rows: no metric has it. */
export const WEBSOCKET_PATH = 'nervecenter.websocket.path';
/** What is counted as the label where a whole set of labels gave up its place. */
export const SERIES = 'series';
/** What stands for the series of a metric that gave up their places, as in OpenTelemetry's SDK. */
export const OVERFLOW = { 'otel.metric.overflow': true } as const;

/** Of every process an agent lets half as many through, of routes as many. */
export const LABEL_BOUNDS: readonly LabelBound[] = [
  { attribute: ROUTE, max: ROUTES_MAX - 1, other: OTHER_ROUTE, reserved: [UNMATCHED_ROUTE] },
  { attribute: CALL_MODEL, max: 200, other: OTHER, reserved: [] },
  { attribute: CALL_PROVIDER, max: 100, other: OTHER, reserved: [] },
  { attribute: CALL_OPERATION, max: 100, other: OTHER, reserved: [] },
  { attribute: ERROR_TYPE, max: 100, other: OTHER, reserved: ['_OTHER', ABORTED] },
  { attribute: STAGE_ATTRIBUTE, max: 60, other: OTHER, reserved: RESERVED_STAGES },
  { attribute: CACHE_NAME, max: 100, other: OTHER_CACHES, reserved: RESERVED_CACHES },
];

/** What the snapshot calls the labels, by attribute. */
const KINDS: Readonly<Record<string, string>> = {
  [ROUTE]: 'route',
  [CALL_MODEL]: 'model',
  [CALL_PROVIDER]: 'provider',
  [CALL_OPERATION]: 'operation',
  [ERROR_TYPE]: 'error_type',
  [STAGE_ATTRIBUTE]: 'stage',
  [CACHE_NAME]: 'cache',
  [WEBSOCKET_PATH]: 'websocket_path',
  'exception.type': 'exception_type',
  'service.name': 'service',
  [SERIES]: 'series',
};

/** Of what a label has the names, in a word. */
export function labelKind(attribute: string): string {
  return Object.hasOwn(KINDS, attribute) ? (KINDS[attribute] ?? attribute) : attribute;
}

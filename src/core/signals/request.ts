import type { Attribution, EventBase } from '../event.ts';
import type { Attributes } from '../frame.ts';
import { COUNTS, DURATIONS, ERRORS } from '../history/measures.ts';
import { ATTRIBUTION_RECORD, EVENT_RECORD } from '../records/layout.ts';
import { type Milliseconds, toSeconds } from '../units.ts';
import { ATTRIBUTION, EVENT, isCount, isText, isWhole, oneOf, optional, orNull } from './checks.ts';
import { anyOf, equals, isAtLeast } from './facts.ts';
import { type HistogramSpec, histogramOf } from './instruments.ts';
import { eventColumns, int4, PEOPLE, SENDER, senderColumns, text, traceOf } from './row.ts';
import type { Signal } from './signal.ts';

/** What became of a request whose process ended first, and the `error.type` of what was under way in it. */
export const UNFINISHED = 'unfinished';

/** One HTTP request served. */
export interface RequestEvent extends EventBase, Attribution {
  readonly signal: 'request';
  /** Route template (`/users/:id`); `<static>` for files, `<unmatched>` for no route, `<other>` past the bound. No raw path. */
  readonly route: string;
  /** One of the standard methods, else `_OTHER` (semantic conventions). */
  readonly method: string;
  /** Response status; 499 when the client went away before any header was sent, 0 when the process ended before. */
  readonly statusCode: number;
  /** The process ended before the response did. Absent: the response came to its end, or its client went away. */
  readonly outcome?: typeof UNFINISHED;
  /** From the request's first byte parsed to the end of the response, streamed body included. */
  readonly durationMs: Milliseconds;
  readonly requestBytes: number | null;
  readonly responseBytes: number | null;
  /** What the client spoke, before any proxy that says so. Absent: `http`. */
  readonly scheme?: 'https';
}

const STATUS = 'http.response.status_code';

export const REQUEST_DURATION: HistogramSpec = {
  name: 'http.server.request.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of HTTP server requests.',
};

/** An error is a status of 400 or above, as in the specification, and a response that nobody got whole. */
const ERROR_STATUS_MIN = 400;
const FAILED = anyOf(isAtLeast('status_code', ERROR_STATUS_MIN), equals('outcome', UNFINISHED));

/** The same, by the attributes of a measurement. */
export function isRequestError(attributes: Attributes): boolean {
  return attributes['error.type'] !== undefined || Number(attributes[STATUS]) >= ERROR_STATUS_MIN;
}

/** From this status on the server itself has failed (semantic conventions). */
export const SERVER_ERROR_STATUS_MIN = 500;

/** What of a request is in its attributes. */
type Measured = Pick<RequestEvent, 'method' | 'route' | 'scheme' | 'statusCode' | 'outcome'>;

/** What the conventions want a request to be told apart by: `error.type` where the server failed; no status where none was sent. */
export function requestAttributes({ method, route, scheme, statusCode, outcome }: Measured): Attributes {
  const attributes: Attributes = {
    'http.request.method': method,
    ...(statusCode === 0 ? {} : { [STATUS]: statusCode }),
    'http.route': route,
    'url.scheme': scheme ?? 'http',
  };
  if (outcome !== undefined) return { ...attributes, 'error.type': outcome };
  return statusCode < SERVER_ERROR_STATUS_MIN
    ? attributes
    : { ...attributes, 'error.type': String(statusCode) };
}

interface Remembered extends Omit<Measured, 'route'> {
  readonly attributes: Attributes;
}

const ROUTES_REMEMBERED_MAX = 1000;
/** Of one route. More are made anew each time. */
const ATTRIBUTES_REMEMBERED_MAX = 20;

/** `requestAttributes` that are the same object for the same, and frozen: by that an instrument knows its series at once. */
function rememberedAttributes(): (request: Measured) => Attributes {
  const byRoute = new Map<string, Remembered[]>();
  return (request) => {
    const { route, method, statusCode } = request;
    let ofRoute = byRoute.get(route);
    for (let at = 0; ofRoute !== undefined && at < ofRoute.length; at++) {
      const known = ofRoute[at];
      if (known?.method !== method || known.statusCode !== statusCode) continue;
      if (known.scheme === request.scheme && known.outcome === request.outcome) return known.attributes;
    }
    if (ofRoute === undefined) {
      if (byRoute.size >= ROUTES_REMEMBERED_MAX) byRoute.clear();
      ofRoute = [];
      byRoute.set(route, ofRoute);
    }
    const attributes = Object.freeze(requestAttributes(request));
    const { scheme, outcome } = request;
    if (ofRoute.length < ATTRIBUTES_REMEMBERED_MAX)
      ofRoute.push({
        method,
        statusCode,
        attributes,
        ...(scheme && { scheme }),
        ...(outcome && { outcome }),
      });
    return attributes;
  };
}

export const request: Signal<RequestEvent> = {
  name: 'request',
  words: { title: 'Requests', plural: 'requests' },
  table: 'request_metrics',
  namedBy: ['method', 'endpoint'],
  instruments: [REQUEST_DURATION],
  measure: (meter) => {
    const duration = histogramOf(meter, REQUEST_DURATION);
    const attributesOf = rememberedAttributes();
    return (event) => duration.record(toSeconds(event.durationMs), attributesOf(event));
  },
  columns: [
    ...eventColumns<RequestEvent>(),
    { name: 'endpoint', type: 'varchar', value: (event) => text(event.route, 255) },
    { name: 'method', type: 'varchar', value: (event) => text(event.method, 10) },
    { name: 'status_code', type: 'integer', value: (event) => event.statusCode },
    { name: 'response_time_ms', type: 'double precision', value: (event) => event.durationMs },
    { name: 'user_email', type: 'varchar', value: (event) => text(event.userEmail, 255) },
    { name: 'department', type: 'varchar', value: (event) => text(event.department, 50) },
    { name: 'request_size_bytes', type: 'integer', value: (event) => int4(event.requestBytes) },
    { name: 'response_size_bytes', type: 'integer', value: (event) => int4(event.responseBytes) },
    { name: 'trace_id', type: 'varchar', value: traceOf },
    { name: 'outcome', type: 'varchar', value: (event) => event.outcome ?? null },
    ...senderColumns<RequestEvent>(),
  ],
  record: {
    ...EVENT_RECORD,
    ...ATTRIBUTION_RECORD,
    route: 'name',
    method: 'name',
    statusCode: 'number',
    durationMs: 'number',
    requestBytes: 'number',
    responseBytes: 'number',
    scheme: 'name',
    outcome: 'name',
  },
  accepts: {
    ...EVENT,
    ...ATTRIBUTION,
    route: isText,
    method: isText,
    statusCode: isWhole,
    durationMs: isCount,
    requestBytes: orNull(isCount),
    responseBytes: orNull(isCount),
    scheme: optional(oneOf('https')),
    outcome: optional(oneOf(UNFINISHED)),
  },
  history: {
    dimensions: {
      endpoint: 'r.endpoint',
      method: 'r.method',
      status_class: `CASE WHEN r.status_code = 0 THEN 'none' ELSE (r.status_code / 100)::text || 'xx' END`,
      outcome: 'r.outcome',
      ...PEOPLE,
      ...SENDER,
    },
    fields: {
      value: {
        value: { column: 'response_time_ms' },
        rolledBy: ['endpoint', 'method', 'status_class', 'department'],
        hourlyBy: ['user'],
      },
    },
    sums: { errors: FAILED },
    measures: { ...COUNTS, ...DURATIONS, ...ERRORS },
    firstMeasure: 'p95',
  },
  retention: { key: 'request', days: 30 },
};

import type { Attribution, EventBase } from '../event.ts';
import type { Attributes } from '../frame.ts';
import { COUNTS, DURATIONS, ERRORS } from '../history/measures.ts';
import { type Milliseconds, toSeconds } from '../units.ts';
import { ATTRIBUTION, EVENT, isCount, isText, isWhole, oneOf, optional, orNull } from './checks.ts';
import { isAtLeast } from './facts.ts';
import { type HistogramSpec, histogramOf } from './instruments.ts';
import { eventColumns, int4, PEOPLE, SENDER, senderColumns, text } from './row.ts';
import type { Signal } from './signal.ts';

/** One HTTP request served. */
export interface RequestEvent extends EventBase, Attribution {
  readonly signal: 'request';
  /** Route template (`/users/:id`); `<static>` for files, `<unmatched>` for no route, `<other>` past the bound. No raw path. */
  readonly route: string;
  /** One of the standard methods, else `_OTHER` (semantic conventions). */
  readonly method: string;
  /** Response status; 499 when the client went away before any header was sent. */
  readonly statusCode: number;
  /** From the request's first byte parsed to the end of the response, streamed body included. */
  readonly durationMs: Milliseconds;
  readonly requestBytes: number | null;
  readonly responseBytes: number | null;
  /** What the client spoke, before any proxy that says so. Absent: `http`. */
  readonly scheme?: 'https';
}

export const REQUEST_DURATION: HistogramSpec = {
  name: 'http.server.request.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of HTTP server requests.',
};

/** An error is a status of 400 or above, as in the specification. */
export const ERROR_STATUS_MIN = 400;
const FAILED = isAtLeast('status_code', ERROR_STATUS_MIN);

/** From this status on the server itself has failed (semantic conventions). */
export const SERVER_ERROR_STATUS_MIN = 500;

/** What the conventions want a request to be told apart by: `error.type` where the server failed. */
export function requestAttributes({
  method,
  route,
  scheme,
  statusCode,
}: Pick<RequestEvent, 'method' | 'route' | 'scheme' | 'statusCode'>): Attributes {
  const attributes = {
    'http.request.method': method,
    'http.response.status_code': statusCode,
    'http.route': route,
    'url.scheme': scheme ?? 'http',
  };
  return statusCode < SERVER_ERROR_STATUS_MIN
    ? attributes
    : { ...attributes, 'error.type': String(statusCode) };
}

export const request: Signal<RequestEvent> = {
  name: 'request',
  words: { title: 'Requests', plural: 'requests' },
  table: 'request_metrics',
  namedBy: ['method', 'endpoint'],
  instruments: [REQUEST_DURATION],
  measure: (meter) => {
    const duration = histogramOf(meter, REQUEST_DURATION);
    return (event) => duration.record(toSeconds(event.durationMs), requestAttributes(event));
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
    { name: 'trace_id', type: 'varchar', value: (event) => text(event.traceId, 32) },
    ...senderColumns<RequestEvent>(),
  ],
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
  },
  history: {
    dimensions: {
      endpoint: 'r.endpoint',
      method: 'r.method',
      status_class: `(r.status_code / 100)::text || 'xx'`,
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

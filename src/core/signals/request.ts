import type { RequestEvent } from '../event.ts';
import { eventColumns, int4, senderColumns, text } from '../row.ts';
import type { InstrumentSpec, Signal } from '../signal.ts';
import { toSeconds } from '../units.ts';

export const REQUEST_DURATION: InstrumentSpec = {
  name: 'http.server.request.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of HTTP server requests.',
};

/** An error is a status of 400 or above, as in the specification. */
export const ERROR_STATUS_MIN = 400;

export const request: Signal<RequestEvent> = {
  name: 'request',
  table: 'request_metrics',
  instruments: [REQUEST_DURATION],
  measure: (event, record) =>
    record(REQUEST_DURATION, toSeconds(event.durationMs), {
      'http.request.method': event.method,
      'http.response.status_code': event.statusCode,
      'http.route': event.route,
    }),
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
};

import type { Attribution, EventBase } from '../event.ts';
import { COUNTS, DURATIONS, total } from '../history/measures.ts';
import { ATTRIBUTION_RECORD, EVENT_RECORD } from '../records/layout.ts';
import { type Milliseconds, toSeconds } from '../units.ts';
import { ATTRIBUTION, EVENT, isCount, isText, isWhole } from './checks.ts';
import { type CounterSpec, type GaugeSpec, type HistogramSpec, histogramOf } from './instruments.ts';
import { eventColumns, int4, PEOPLE, SENDER, senderColumns, text } from './row.ts';
import type { Signal } from './signal.ts';

/** One WebSocket session, when it has closed. */
export interface WsSessionEvent extends EventBase, Attribution {
  readonly signal: 'ws-session';
  /** Path of the upgrade request without its query string, ids taken out, `<other>` past the bound. Rows only. */
  readonly path: string;
  readonly durationMs: Milliseconds;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** RFC 6455 close code, 1006 when the connection just went away. */
  readonly closeCode: number;
}

export const WS_CONNECTIONS: GaugeSpec = {
  name: 'nervecenter.websocket.connections',
  kind: 'gauge',
  unit: '{connection}',
  description: 'WebSocket connections open now.',
};
export const WS_OPENED: CounterSpec = {
  name: 'nervecenter.websocket.connections.opened',
  kind: 'counter',
  unit: '{connection}',
  description: 'WebSocket connections opened.',
};
export const WS_MESSAGES: CounterSpec = {
  name: 'nervecenter.websocket.messages',
  kind: 'counter',
  unit: '{message}',
  description: 'WebSocket messages by network.io.direction (receive, transmit).',
};
export const WS_BYTES: CounterSpec = {
  name: 'nervecenter.websocket.bytes',
  kind: 'counter',
  unit: 'By',
  description: 'Payload bytes of WebSocket messages by network.io.direction (receive, transmit).',
};
export const WS_SESSION_DURATION: HistogramSpec = {
  name: 'nervecenter.websocket.session.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of closed WebSocket sessions.',
};

export const DIRECTION = 'network.io.direction';
export const RECEIVE = 'receive';
export const TRANSMIT = 'transmit';

/** Connections, messages and bytes are counted while the session lives; only its duration is known when it closes. */
export const wsSession: Signal<WsSessionEvent> = {
  name: 'ws-session',
  words: { title: 'WebSocket sessions', plural: 'WebSocket sessions' },
  table: 'ws_session_metrics',
  namedBy: ['path'],
  instruments: [WS_CONNECTIONS, WS_OPENED, WS_MESSAGES, WS_BYTES, WS_SESSION_DURATION],
  measure: (meter) => {
    const duration = histogramOf(meter, WS_SESSION_DURATION);
    return (event) => duration.record(toSeconds(event.durationMs), {});
  },
  columns: [
    ...eventColumns<WsSessionEvent>(),
    { name: 'path', type: 'varchar', value: (event) => text(event.path, 255) },
    { name: 'duration_ms', type: 'double precision', value: (event) => event.durationMs },
    { name: 'messages_in', type: 'integer', value: (event) => int4(event.messagesIn) },
    { name: 'messages_out', type: 'integer', value: (event) => int4(event.messagesOut) },
    { name: 'bytes_in', type: 'bigint', value: (event) => event.bytesIn },
    { name: 'bytes_out', type: 'bigint', value: (event) => event.bytesOut },
    { name: 'close_code', type: 'integer', value: (event) => int4(event.closeCode) },
    { name: 'user_email', type: 'varchar', value: (event) => text(event.userEmail, 255) },
    { name: 'department', type: 'varchar', value: (event) => text(event.department, 50) },
    { name: 'trace_id', type: 'varchar', value: (event) => text(event.traceId, 32) },
    ...senderColumns<WsSessionEvent>(),
  ],
  record: {
    ...EVENT_RECORD,
    ...ATTRIBUTION_RECORD,
    path: 'name',
    durationMs: 'number',
    messagesIn: 'number',
    messagesOut: 'number',
    bytesIn: 'number',
    bytesOut: 'number',
    closeCode: 'number',
  },
  accepts: {
    ...EVENT,
    ...ATTRIBUTION,
    path: isText,
    durationMs: isCount,
    messagesIn: isCount,
    messagesOut: isCount,
    bytesIn: isCount,
    bytesOut: isCount,
    closeCode: isWhole,
  },
  history: {
    dimensions: { path: 'r.path', ...PEOPLE, ...SENDER },
    fields: {
      value: { value: { column: 'duration_ms' }, rolledBy: ['path', 'department'], hourlyBy: ['user'] },
    },
    sums: {
      messages_in: 'r.messages_in',
      messages_out: 'r.messages_out',
      bytes_in: 'r.bytes_in',
      bytes_out: 'r.bytes_out',
    },
    measures: {
      ...COUNTS,
      ...DURATIONS,
      messages_in: total('messages', 'messages_in'),
      messages_out: total('messages', 'messages_out'),
      bytes_in: total('bytes', 'bytes_in'),
      bytes_out: total('bytes', 'bytes_out'),
    },
    firstMeasure: 'count',
  },
  retention: { key: 'request', days: 30 },
};

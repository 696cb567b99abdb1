import type { WsSessionEvent } from '../event.ts';
import { eventColumns, int4, senderColumns, text } from '../row.ts';
import type { InstrumentSpec, Signal } from '../signal.ts';
import { toSeconds } from '../units.ts';

export const WS_CONNECTIONS: InstrumentSpec = {
  name: 'nervecenter.websocket.connections',
  kind: 'gauge',
  unit: '{connection}',
  description: 'WebSocket connections open now.',
};
export const WS_OPENED: InstrumentSpec = {
  name: 'nervecenter.websocket.connections.opened',
  kind: 'counter',
  unit: '{connection}',
  description: 'WebSocket connections opened.',
};
export const WS_MESSAGES: InstrumentSpec = {
  name: 'nervecenter.websocket.messages',
  kind: 'counter',
  unit: '{message}',
  description: 'WebSocket messages by network.io.direction (receive, transmit).',
};
export const WS_BYTES: InstrumentSpec = {
  name: 'nervecenter.websocket.bytes',
  kind: 'counter',
  unit: 'By',
  description: 'Payload bytes of WebSocket messages by network.io.direction (receive, transmit).',
};
export const WS_SESSION_DURATION: InstrumentSpec = {
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
  table: 'ws_session_metrics',
  instruments: [WS_CONNECTIONS, WS_OPENED, WS_MESSAGES, WS_BYTES, WS_SESSION_DURATION],
  measure: (event, record) => record(WS_SESSION_DURATION, toSeconds(event.durationMs), {}),
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
};

import { MIB, SECOND_MS } from '../../../../core/units.ts';
import type { ConnectionLimits } from '../../../listen.ts';

/** Of one body, as it comes and again when it is inflated. */
export const BODY_BYTES_MAX = 16 * MIB;
/** Of one message over gRPC, as gRPC has it by default; all senders keep to it. */
export const MESSAGE_BYTES_MAX = 4 * MIB;
/** Of all bodies that are being received, inflated, read or handed on. */
export const IN_FLIGHT_BYTES_MAX = 64 * MIB;
/** Calls over gRPC whose message is on its way at once; it can be counted only when it is there. */
export const CALLS_RECEIVING_MAX = 32;
/** Answers that are remembered for requests that come again. */
export const RECENT_MAX = 10_000;
/** From one address fewer than there are: it may be a stranger's. All senders may come through one proxy. */
export const HTTP_CONNECTIONS: ConnectionLimits = { max: 1000, ofAddressMax: 750 };
export const GRPC_CONNECTIONS: ConnectionLimits = { max: 500, ofAddressMax: 375 };
/** Of one connection over gRPC. */
export const STREAMS_MAX = 250;
export const HEADERS_TIMEOUT_MS = 10 * SECOND_MS;
/** A request has to be there after so long. */
export const RECEIVE_TIMEOUT_MS = 30 * SECOND_MS;
/** A connection on which nothing moves. Metrics come once a minute by default, and a connection is dear to open. */
export const IDLE_TIMEOUT_MS = 150 * SECOND_MS;
/** Requests that are being answered at a stop get so long. */
export const SHUTDOWN_GRACE_MS = SECOND_MS;

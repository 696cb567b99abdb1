import { KIB } from '../../../../core/units.ts';

/** Spans, log records or data points of one request; SDKs send 512 at once, Collectors some 8,000. */
export const RECORDS_MAX = 50_000;
/** Of one record or resource. SDKs keep 128 by default; conversations flattened into attributes have hundreds. */
export const ATTRIBUTES_MAX = 1024;
export const KEY_BYTES_MAX = KIB;
/** Names of spans, metrics, scopes and the like. */
export const NAME_BYTES_MAX = 4 * KIB;
/** Of one text or of bytes. Documents that were retrieved come as one text. */
export const VALUE_BYTES_MAX = 256 * KIB;
/** Of one list or map in a value; an embedding has some thousands. */
export const ELEMENTS_MAX = 10_000;
/** Lists and maps in each other. */
export const DEPTH_MAX = 16;
/** Buckets or quantiles of one point. */
export const BUCKETS_MAX = 20_000;
/** Events of one span. */
export const EVENTS_MAX = 1024;
/** And of all spans of one request: an event takes two bytes there, and some hundred in memory. */
export const EVENTS_OF_REQUEST_MAX = 100_000;

import { KIB } from '../../../core/units.ts';

/** Spans or log records of one request: past it a request is several. A query has a span for every stage. */
export const REQUEST_ITEMS_MAX = 2000;
/**
 * And its bytes: receivers by gRPC take 4 MiB by default, proxies 1 MiB, and one request after another keeps the others' turn
 * short. A single span or record that is larger is a request of its own.
 */
export const REQUEST_BYTES_MAX = 1000 * KIB;

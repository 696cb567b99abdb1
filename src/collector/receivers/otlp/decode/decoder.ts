import type { Encoding, OtlpLogRecord, OtlpMetric, OtlpRejected, OtlpSpan } from '../model.ts';
import { decodeJsonLogs } from './json/logs.ts';
import { decodeJsonMetrics } from './json/metrics.ts';
import { decodeJsonSpans } from './json/spans.ts';
import { KeyTable } from './key-table.ts';
import { LeftOut } from './left-out.ts';
import { decodeLogs } from './proto/logs.ts';
import { decodeMetrics } from './proto/metrics.ts';
import { decodeSpans } from './proto/spans.ts';

/** What a body holds. */
export interface Decoded<T> {
  readonly records: readonly T[];
  /** What of it could not be used, or only in part: then the count does not tell of it. */
  readonly rejected: OtlpRejected;
}

/**
 * Reads the bodies of requests, the same from either encoding. All methods throw a `DecodeError` that says what was expected
 * and where.
 */
export class OtlpDecoder {
  readonly #wanted: KeyTable;

  /**
   * @param wantedKeys of the attributes of spans that are to be read at once, the others only by `allAttributes`; `name.*`
   * stands for all keys that begin with `name.`.
   */
  constructor(wantedKeys: Iterable<string>) {
    this.#wanted = new KeyTable(wantedKeys);
  }

  spans(body: Buffer, encoding: Encoding): Decoded<OtlpSpan> {
    const read = encoding === 'json' ? decodeJsonSpans : decodeSpans;
    return decoded((leftOut) => read(body, this.#wanted, leftOut));
  }

  metrics(body: Buffer, encoding: Encoding): Decoded<OtlpMetric> {
    const read = encoding === 'json' ? decodeJsonMetrics : decodeMetrics;
    return decoded((leftOut) => read(body, leftOut));
  }

  logs(body: Buffer, encoding: Encoding): Decoded<OtlpLogRecord> {
    const read = encoding === 'json' ? decodeJsonLogs : decodeLogs;
    return decoded((leftOut) => read(body, leftOut));
  }
}

function decoded<T>(read: (leftOut: LeftOut) => T[]): Decoded<T> {
  const leftOut = new LeftOut();
  const records = read(leftOut);
  return { records, rejected: leftOut.rejected };
}

import type { ColumnType } from '../spool/copy-encoder.ts';

/** Postgres' own numbers of its types, the same on every server. */
const TYPE_OID: Readonly<Record<ColumnType, number>> = {
  boolean: 16,
  bigint: 20,
  integer: 23,
  text: 25,
  'double precision': 701,
  varchar: 1043,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
};
const FIELD_COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const ARRAY_HEADER_BYTES = 20;

/** The fields of one row, each with its length in front, as binary COPY and binary arrays both write them. */
export type Tuple = readonly Buffer[];

/**
 * Takes binary COPY's rows apart.
 *
 * @throws RangeError when the bytes end within a row.
 */
export function tuplesOf(bytes: Buffer): Tuple[] {
  const tuples: Tuple[] = [];
  for (let at = 0; at < bytes.length; ) {
    const fields: Buffer[] = [];
    const count = bytes.readInt16BE(at);
    at += FIELD_COUNT_BYTES;
    for (let field = 0; field < count; field++) {
      const end = at + LENGTH_BYTES + Math.max(0, bytes.readInt32BE(at));
      if (end > bytes.length) throw new RangeError('a row without its end');
      fields.push(bytes.subarray(at, end));
      at = end;
    }
    tuples.push(fields);
  }
  return tuples;
}

/** One column of some rows as a binary array parameter. */
export function columnArray(type: ColumnType, tuples: readonly Tuple[], column: number): Buffer {
  const header = Buffer.allocUnsafe(ARRAY_HEADER_BYTES);
  header.writeInt32BE(1, 0); // dimensions
  header.writeInt32BE(1, 4); // may hold NULLs
  header.writeInt32BE(TYPE_OID[type], 8);
  header.writeInt32BE(tuples.length, 12);
  header.writeInt32BE(1, 16); // lower bound
  return Buffer.concat([header, ...tuples.map((tuple) => tuple[column] ?? Buffer.alloc(0))]);
}

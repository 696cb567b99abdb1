import { DecodeError } from '../decode-error.ts';
import { FIXED64, type ProtoReader, VARINT } from './reader.ts';

/** Repeated numbers in the field that the reader is at, packed into one field or not; all of a list are at most `max`. */
export function readDoubles(reader: ProtoReader, into: number[], max: number): void {
  readAll(reader, { into, max, wireType: FIXED64, next: () => reader.double() });
}

export function readFixed64s(reader: ProtoReader, into: number[], max: number): void {
  readAll(reader, { into, max, wireType: FIXED64, next: () => reader.fixed64() });
}

export function readVarints(reader: ProtoReader, into: number[], max: number): void {
  readAll(reader, { into, max, wireType: VARINT, next: () => reader.unsigned() });
}

interface Numbers {
  readonly into: number[];
  readonly max: number;
  readonly wireType: number;
  readonly next: () => number;
}

function readAll(reader: ProtoReader, { into, max, wireType, next }: Numbers): void {
  const outer = reader.enterPacked(wireType);
  const add = () => {
    if (into.length >= max) throw new DecodeError(`expected at most ${max} numbers`);
    into.push(next());
  };
  if (outer === null) {
    add();
    return;
  }
  while (reader.position < reader.end) add();
  reader.leave(outer);
}

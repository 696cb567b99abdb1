import type { ProtoReader } from './reader.ts';

/** Tags of `KeyValue`: key 1, value 2. */
const KEY_TAG = 0x0a;
const VALUE_TAG = 0x12;

/** Where the two halves of a `KeyValue` are. It is used again for every attribute: making one is a tenth of passing over it. */
export class KeyValuePlace {
  keyStart = 0;
  keyEnd = 0;
  /** Below 0: it has no value. */
  valueStart = -1;
  valueEnd = -1;

  /** Passes over the `KeyValue` in the field that the reader is at. */
  find(reader: ProtoReader): void {
    const start = reader.delimited();
    const end = reader.position;
    if (this.#isUsual(reader.bytes, start, end)) return;
    const outer = reader.end;
    this.keyStart = this.keyEnd = start;
    this.valueStart = this.valueEnd = -1;
    reader.select(start, end);
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) {
        this.keyStart = reader.delimited();
        this.keyEnd = reader.position;
      } else if (field === 2) {
        this.valueStart = reader.delimited();
        this.valueEnd = reader.position;
      } else reader.skip();
    }
    reader.select(end, outer);
  }

  /** As all SDKs write it: key and value in this order, and nothing else; each of less than 128 bytes. */
  #isUsual(bytes: Buffer, start: number, end: number): boolean {
    const keyLength = bytes[start + 1] ?? 0x80;
    const keyEnd = start + 2 + keyLength;
    if (bytes[start] !== KEY_TAG || keyLength >= 0x80 || keyEnd + 2 > end) return false;
    const valueLength = bytes[keyEnd + 1] ?? 0x80;
    if (bytes[keyEnd] !== VALUE_TAG || valueLength >= 0x80 || keyEnd + 2 + valueLength !== end) return false;
    this.keyStart = start + 2;
    this.keyEnd = keyEnd;
    this.valueStart = keyEnd + 2;
    this.valueEnd = end;
    return true;
  }
}

/** Bytes are looked at by words. */
const WORD = 4;

/** A hash of a run's length and of two of its words: quick, and good enough where what is found by it is compared in full. */
export function hashOf(view: DataView, start: number, end: number): number {
  const length = end - start;
  if (length < WORD) return hashOfFew(view, start, end);
  const middle = start + ((length - WORD) >> 1);
  let hash = Math.imul(length ^ view.getInt32(end - WORD, true), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ view.getInt32(middle, true), 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

function hashOfFew(view: DataView, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (hash << 8) | view.getUint8(at);
  hash = Math.imul(hash ^ (end - start), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** Whether so many bytes from a place on are those that `other` begins with. From the end: that is where names differ. */
export function isSame(view: DataView, at: number, other: DataView, length: number): boolean {
  let left = length;
  for (; left >= WORD; left -= WORD) {
    if (view.getInt32(at + left - WORD, true) !== other.getInt32(left - WORD, true)) return false;
  }
  for (; left > 0; left--) {
    if (view.getUint8(at + left - 1) !== other.getUint8(left - 1)) return false;
  }
  return true;
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A hash of a run's length and five of its bytes: quick, and good enough where what is found by it is compared in full. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return 0;
  let hash = length;
  hash = Math.imul(hash, 31) + (bytes[end - 1] ?? 0);
  hash = Math.imul(hash, 31) + (bytes[start + (length >> 1)] ?? 0);
  hash = Math.imul(hash, 31) + (bytes[start + ((length * 3) >> 2)] ?? 0);
  hash = Math.imul(hash, 31) + (bytes[start + (length >> 2)] ?? 0);
  hash = Math.imul(hash, 31) + (bytes[length > 3 ? end - 3 : start] ?? 0);
  return hash ^ (hash >>> 13);
}

/** Whether so many bytes are the same at two places. From the end: that is where names differ. */
export function isSame(bytes: Uint8Array, one: number, other: number, length: number): boolean {
  for (let index = length - 1; index >= 0; index--) {
    if (bytes[one + index] !== bytes[other + index]) return false;
  }
  return true;
}

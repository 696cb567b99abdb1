import { SECOND_MS } from '../../../../core/units.ts';
import { contentsOf, fieldsOf, VARINT, varintAt } from '../proto/wire.ts';

const RETRY_INFO = 'google.rpc.RetryInfo';
const NANOSECONDS_PER_MS = 1e6;

/**
 * When a receiver wants to be asked again, from the details of a gRPC status (`google.rpc.Status` with a `RetryInfo` in
 * it); `null` where they do not say, or are none.
 */
export function retryDelayMs(status: Buffer): number | null {
  try {
    for (const any of contentsOf(status, 3)) {
      const [type] = contentsOf(any, 1);
      const [info] = contentsOf(any, 2);
      if (type?.toString().endsWith(RETRY_INFO) !== true || info === undefined) continue;
      const [delay] = contentsOf(info, 1);
      if (delay !== undefined) return durationMs(delay);
    }
    return null;
  } catch {
    return null; // Not what it is said to be.
  }
}

/** `google.protobuf.Duration`: seconds and nanoseconds. */
function durationMs(bytes: Buffer): number {
  let ms = 0;
  for (const { number, type, from } of fieldsOf(bytes)) {
    if (type !== VARINT) continue;
    const value = Number(varintAt(bytes, from));
    if (number === 1) ms += value * SECOND_MS;
    else if (number === 2) ms += value / NANOSECONDS_PER_MS;
  }
  return ms;
}

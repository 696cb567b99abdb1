import { SECOND_MS } from '../../../../core/units.ts';

const NANOSECONDS = 1e6;

/** A time since the epoch as OpenTelemetry has it. */
export function hrTime(ms: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(ms / SECOND_MS);
  return [seconds, Math.floor((ms - seconds * SECOND_MS) * NANOSECONDS)];
}

import type { OtlpEndpoint, OtlpSignal } from '../../../../config/otlp/target.ts';
import type { Via } from '../../../../core/passage.ts';
import type { TlsFiles } from './tls-files.ts';

/** What became of one attempt to send a request. */
export type Outcome =
  /** The receiver has it; `rejected` of its items it could not use, for the reason it gives. */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  /** Worth another attempt, at the earliest in so many milliseconds where the receiver says so. */
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly reason: string }
  /** It would be refused again. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Sends requests of one signal to one receiver. */
export interface Transport {
  /**
   * One attempt, within the endpoint's timeout. Never rejects.
   *
   * @param via what the request says it has passed through, this collector included.
   */
  send(body: Uint8Array, via: Via, stopped: AbortSignal): Promise<Outcome>;
  close(): void;
}

export interface TransportOptions {
  readonly endpoint: OtlpEndpoint;
  readonly signal: OtlpSignal;
  readonly tls: TlsFiles;
}

/** A receiver may ask for as much patience as it likes; what waits longer waits for the next attempt. */
const RETRY_AFTER_MS_MAX = 10 * 60_000;
/** What is printed of what a receiver says. */
const MESSAGE_CHARS_MAX = 200;

export function accepted(rejected = 0, message = ''): Outcome {
  return { kind: 'accepted', rejected, message: printable(message) };
}

export function retry(reason: string, afterMs: number | null = null): Outcome {
  return {
    kind: 'retry',
    afterMs: afterMs === null ? null : Math.min(RETRY_AFTER_MS_MAX, Math.max(0, afterMs)),
    reason: printable(reason),
  };
}

export function refused(reason: string): Outcome {
  return { kind: 'refused', reason: printable(reason) };
}

/** Short, and on one line: it comes from somebody else. */
function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return clean.length > MESSAGE_CHARS_MAX ? `${clean.slice(0, MESSAGE_CHARS_MAX)}…` : clean;
}

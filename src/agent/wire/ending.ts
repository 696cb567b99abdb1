import { ABORTED, errorType } from '../../core/llm/labels.ts';
import type { WireEnding } from './exchange.ts';

/** Codes of the app taking its client down under a running call. */
const APP_ENDED = new Set(['UND_ERR_ABORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'ABORT_ERR']);
/** Codes under which clients give up because of their own timer. */
const TIMER_CODES: ReadonlySet<unknown> = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'ECONNABORTED']);

/**
 * How an exchange ended when only its error is known. `AbortController.abort()`, leaving a stream early and a timeout signal
 * all arrive as whatever the abort's reason is; failures of the network have a code.
 */
export function endingOf(error: unknown): WireEnding {
  const { name, code, cause } = asError(error);
  const reason = [code, asError(cause).code].find((candidate) => typeof candidate === 'string');
  if (name === 'TimeoutError') return { outcome: 'aborted', errorType: 'timeout' };
  if (name === 'AbortError' || typeof reason !== 'string' || APP_ENDED.has(reason)) return givenUp(error);
  return brokenBy(error);
}

/** The app gave the exchange up, for `reason` if it told one. */
export function givenUp(reason: unknown): WireEnding {
  const { name, code, cause } = asError(reason);
  const timedOut = name === 'TimeoutError' || TIMER_CODES.has(code) || asError(cause).name === 'TimeoutError';
  return { outcome: 'aborted', errorType: timedOut ? 'timeout' : ABORTED };
}

/** The network or the server failed; its code, if any, says how. */
export function brokenBy(error: unknown): WireEnding {
  const { code, cause } = asError(error);
  return { outcome: 'error', errorType: errorType([code, asError(cause).code]) ?? '_OTHER' };
}

function asError(error: unknown): {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
} {
  return typeof error === 'object' && error !== null ? error : {};
}

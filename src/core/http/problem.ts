import { CATALOGUE, NervecenterError } from '../errors.ts';

/** A failure as an answer to whoever asked over HTTP. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long a client had better wait, in seconds, by status. */
const RETRY_AFTER_SECONDS: Readonly<Record<number, string>> = { 429: '60', 503: '5' };

/** What was thrown, as a failure fit to be shown: the details of an unforeseen one stay inside. */
export function toProblem(error: unknown): NervecenterError {
  if (error instanceof NervecenterError) return error;
  return new NervecenterError('NC_UNAVAILABLE', 'This cannot be answered at the moment. Try again later.');
}

/**
 * The failure as RFC 9457 problem details.
 *
 * @param status where HTTP has a closer one than the failure itself.
 */
export function problemAnswer(error: NervecenterError, status: number = error.status): ProblemAnswer {
  const retryAfter = RETRY_AFTER_SECONDS[status];
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    },
    body: JSON.stringify({
      type: `urn:nervecenter:error:${error.code}`,
      title: CATALOGUE[error.code].title,
      status,
      detail: error.message,
      code: error.code,
    }),
  };
}

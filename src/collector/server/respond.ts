import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { NervecenterError, problemDetails } from '../../core/errors.ts';

/**
 * On every answer. The dashboard's scripts and styles are files of its own, so nothing inline is ever allowed; text that
 * telemetry brings in could not run even if a page failed to escape it.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

const PROBLEM_TYPE = 'application/problem+json';
const AUTHENTICATE = 'Bearer realm="nervecenter"';

/** How long a client had better wait, in seconds, by status. */
const RETRY_AFTER_SECONDS: Readonly<Record<number, string>> = { 429: '60', 503: '5' };

/** Answers with a whole body; `HEAD` gets the same headers and no body. Nothing is cached unless `headers` say so. */
export function respond(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string | Buffer = '',
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    ...headers,
    ...(status === 204 ? {} : { 'content-length': bytes.length }),
  });
  response.end(bytes);
}

export function respondJson(response: ServerResponse, status: number, value: unknown): void {
  respond(response, status, { 'content-type': 'application/json' }, JSON.stringify(value));
}

export function respondHtml(response: ServerResponse, status: number, html: string): void {
  respond(response, status, { 'content-type': 'text/html; charset=utf-8' }, html);
}

/** `303`, so that whatever the method was, the browser asks for `location` with GET. */
export function redirect(response: ServerResponse, location: string): void {
  respond(response, 303, { location });
}

/** Answers with the failure as RFC 9457 problem details. */
export function respondProblem(
  response: ServerResponse,
  error: NervecenterError,
  headers: OutgoingHttpHeaders = {},
): void {
  respond(
    response,
    error.status,
    { ...problemHeaders(error), ...headers },
    JSON.stringify(problemDetails(error)),
  );
}

/** The same on a bare socket, where there is no response object: a refused upgrade or a request that cannot be parsed. */
export function problemText(error: NervecenterError, status: number, reason: string): string {
  const body = JSON.stringify(problemDetails(error, status));
  const headers = {
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    ...problemHeaders(error),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`;
}

/** What a handler threw, as a failure fit to be shown: the details of an unforeseen one stay inside. */
export function toProblem(error: unknown): NervecenterError {
  if (error instanceof NervecenterError) return error;
  return new NervecenterError('NC_UNAVAILABLE', 'This cannot be answered at the moment. Try again later.');
}

function problemHeaders(error: NervecenterError): Record<string, string> {
  const retryAfter = RETRY_AFTER_SECONDS[error.status];
  return {
    'content-type': PROBLEM_TYPE,
    ...(error.status === 401 ? { 'www-authenticate': AUTHENTICATE } : {}),
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
  };
}

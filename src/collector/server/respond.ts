import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { NervecenterError } from '../../core/errors.ts';
import { problemAnswer } from '../../core/http/problem.ts';
import { endWithAnswer, writeAnswer } from '../../platform/http-answer.ts';
import { problemPage } from './problem-page.ts';

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

const AUTHENTICATE = 'Bearer realm="nervecenter"';

/** Answers with a whole body; `HEAD` gets the same headers and no body. Nothing is cached unless `headers` say so. */
export function respond(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string | Buffer = '',
): void {
  writeAnswer(response, {
    status,
    headers: { ...SECURITY_HEADERS, 'cache-control': 'no-store', ...headers },
    body,
  });
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
  const problem = problemAnswer(error);
  writeAnswer(response, {
    ...problem,
    headers: { ...problemHeaders(error), ...problem.headers, ...headers },
  });
}

/** The same as a page, for somebody who went there with a browser. */
export function respondProblemPage(
  response: ServerResponse,
  error: NervecenterError,
  headers: OutgoingHttpHeaders = {},
): void {
  const problem = problemAnswer(error);
  writeAnswer(response, {
    ...problem,
    headers: {
      ...problemHeaders(error),
      ...problem.headers,
      'content-type': 'text/html; charset=utf-8',
      vary: 'Accept',
      ...headers,
    },
    body: problemPage(error),
  });
}

/** The same on a bare socket, which ends with it. */
export function endWithProblem(socket: Duplex, error: NervecenterError, status: number = error.status): void {
  const problem = problemAnswer(error, status);
  endWithAnswer(socket, { ...problem, headers: { ...problemHeaders(error), ...problem.headers } });
}

function problemHeaders({ status }: NervecenterError): Readonly<Record<string, string>> {
  return status === 401 ? { ...SECURITY_HEADERS, 'www-authenticate': AUTHENTICATE } : SECURITY_HEADERS;
}

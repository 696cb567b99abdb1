import { CLIENT_CLOSED_REQUEST, knownMethod, UNMATCHED_ROUTE } from '../../../../core/http/served.ts';
import { UNFINISHED } from '../../../../core/signals/request.ts';
import type { OtlpSpan } from '../model.ts';
import type { RequestFacts, SpanDialect } from './dialect.ts';
import { numberOf, textOf } from './values.ts';

const METHOD = ['http.request.method', 'http.method'];
const ROUTE = ['http.route'];
const ERROR = ['error.type'];
const STATUS = ['http.response.status_code', 'http.status_code'];
const SCHEME = ['url.scheme', 'http.scheme'];
const REQUEST_BYTES = [
  'http.request.body.size',
  'http.request.size',
  'http.request_content_length',
  'http.request_content_length_uncompressed',
];
const RESPONSE_BYTES = [
  'http.response.body.size',
  'http.response.size',
  'http.response_content_length',
  'http.response_content_length_uncompressed',
];
const INTERNAL_SERVER_ERROR = 500;

/** Spans of HTTP servers, by the conventions of today and those before 1.23. */
export const httpServer: SpanDialect = {
  keys: [...METHOD, ...ROUTE, ...STATUS, ...ERROR, ...SCHEME, ...REQUEST_BYTES, ...RESPONSE_BYTES],
  roleOf: ({ kind, attributes }) =>
    kind === 'server' && textOf(attributes, METHOD) !== null ? 'request' : null,
  request,
};

function request({ attributes, status }: OtlpSpan): RequestFacts {
  const code = numberOf(attributes, STATUS);
  // Another nervecenter's word.
  const isUnfinished = textOf(attributes, ERROR) === UNFINISHED;
  return {
    route: textOf(attributes, ROUTE) ?? UNMATCHED_ROUTE,
    method: knownMethod(textOf(attributes, METHOD)?.toUpperCase()),
    statusCode: isStatus(code) ? code : isUnfinished ? 0 : statusWithout(status),
    ...(isUnfinished ? { outcome: UNFINISHED } : {}),
    requestBytes: sizeOf(numberOf(attributes, REQUEST_BYTES)),
    responseBytes: sizeOf(numberOf(attributes, RESPONSE_BYTES)),
    ...(textOf(attributes, SCHEME) === 'https' ? { scheme: 'https' } : {}),
  };
}

function statusWithout(status: OtlpSpan['status']): number {
  return status === 'error' ? INTERNAL_SERVER_ERROR : CLIENT_CLOSED_REQUEST;
}

function isStatus(code: number | null): code is number {
  return code !== null && Number.isInteger(code) && code >= 100 && code < 1000;
}

function sizeOf(bytes: number | null): number | null {
  return bytes !== null && bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER ? bytes : null;
}

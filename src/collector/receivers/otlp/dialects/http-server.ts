import { CLIENT_CLOSED_REQUEST, knownMethod, UNMATCHED_ROUTE } from '../../../../core/http/served.ts';
import type { OtlpSpan } from '../model.ts';
import type { RequestFacts, SpanDialect } from './dialect.ts';
import { numberOf, textOf } from './values.ts';

const METHOD = ['http.request.method', 'http.method'];
const ROUTE = ['http.route'];
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
  keys: [...METHOD, ...ROUTE, ...STATUS, ...SCHEME, ...REQUEST_BYTES, ...RESPONSE_BYTES],
  roleOf: ({ kind, attributes }) =>
    kind === 'server' && textOf(attributes, METHOD) !== null ? 'request' : null,
  request,
};

function request({ attributes, status }: OtlpSpan): RequestFacts {
  const code = numberOf(attributes, STATUS);
  return {
    route: textOf(attributes, ROUTE) ?? UNMATCHED_ROUTE,
    method: knownMethod(textOf(attributes, METHOD)?.toUpperCase()),
    statusCode: isStatus(code) ? code : status === 'error' ? INTERNAL_SERVER_ERROR : CLIENT_CLOSED_REQUEST,
    requestBytes: sizeOf(numberOf(attributes, REQUEST_BYTES)),
    responseBytes: sizeOf(numberOf(attributes, RESPONSE_BYTES)),
    ...(textOf(attributes, SCHEME) === 'https' ? { scheme: 'https' } : {}),
  };
}

function isStatus(code: number | null): code is number {
  return code !== null && Number.isInteger(code) && code >= 100 && code < 1000;
}

function sizeOf(bytes: number | null): number | null {
  return bytes !== null && bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER ? bytes : null;
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { NervecenterError } from '../../../../core/errors.ts';
import { printable } from '../../../../core/http/origin.ts';
import { toProblem } from '../../../../core/http/problem.ts';
import { VIA_HEADER, viaIn } from '../../../../core/passage.ts';
import { KIB, SECOND_MS } from '../../../../core/units.ts';
import { GatheredBytes } from '../../../../platform/gathered-bytes.ts';
import { endWithAnswer, writeAnswer } from '../../../../platform/http-answer.ts';
import { endingPipelines } from '../../../../platform/http-pipelines.ts';
import { limitConnections } from '../../../listen.ts';
import type { TlsIdentity } from '../../../tls/identity.ts';
import { createHttpServer } from '../../../tls/servers.ts';
import type { Encoding } from '../model.ts';
import { exportResponse, httpStatusOf, isStrangers, retrySecondsOf, statusBody } from './answers.ts';
import type { Exports } from './exports.ts';
import type { InFlight, Share } from './in-flight.ts';
import { compressionOf, inflate, tooLarge } from './inflate.ts';
import { KEY_HEADER, type SenderKeys } from './keys.ts';
import {
  BODY_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  HTTP_CONNECTIONS,
  IDLE_TIMEOUT_MS,
  RECEIVE_TIMEOUT_MS,
} from './limits.ts';
import type { OtlpSignal, OtlpStatistics } from './statistics.ts';

const CONNECTIONS_CHECK_MS = 5 * SECOND_MS;
const HEADER_BYTES_MAX = 16 * KIB;

const SIGNALS: Readonly<Record<string, OtlpSignal>> = {
  '/v1/traces': 'traces',
  '/v1/metrics': 'metrics',
  '/v1/logs': 'logs',
};
const TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};
/** On every answer: nobody is to keep it, or take it for something else. */
const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export interface OtlpHttpOptions {
  /** `null`: no TLS. */
  readonly tls: TlsIdentity | null;
  readonly exports: Exports;
  readonly keys: SenderKeys;
  readonly inFlight: InFlight;
  readonly statistics: OtlpStatistics;
  readonly allowedOrigins: readonly string[];
}

/** The server that takes OTLP over HTTP; it does not listen yet. */
export function otlpHttpServer(options: OtlpHttpOptions): Server {
  const dropped = () => options.statistics.request('unknown', 'connection_dropped');
  const server = createHttpServer(
    options.tls,
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: RECEIVE_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      // Offers of other protocols are no reason not to answer in this one.
      shouldUpgradeCallback: () => false,
    },
    endingPipelines((request, response) => void answer(request, response, options), dropped),
  );
  server.timeout = IDLE_TIMEOUT_MS;
  limitConnections(server, HTTP_CONNECTIONS, dropped);
  server.on('clientError', (error, socket) => refuseMalformed(error, socket, options.statistics));
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: OtlpHttpOptions,
): Promise<void> {
  // The answer of a connection that breaks goes nowhere; without listeners the breaking would end the process.
  request.on('error', ignoreFailure);
  response.on('error', ignoreFailure);
  const encoding = encodingOf(request);
  const signal = SIGNALS[request.url?.split('?', 1)[0] ?? ''];
  try {
    const keyName = await admit(request, options);
    if (signal === undefined) {
      throw new NervecenterError('NC_NOT_FOUND', 'Expected /v1/traces, /v1/metrics or /v1/logs.');
    }
    if (request.method !== 'POST') throw new NervecenterError('NC_METHOD_NOT_ALLOWED', 'Expected POST.');
    if (encoding === null) throw unknownType(request);
    options.exports.refuseIfCrowded();
    const body = await take(request, { signal, encoding, keyName }, options);
    const headers = { ...HEADERS, 'content-type': TYPES[encoding] };
    writeAnswer(response, { status: 200, headers, body });
  } catch (error) {
    options.statistics.refused(signal ?? 'unknown', error);
    const problem = toProblem(error);
    // What is still to come is read and forgotten, for the answer to arrive; the time for a request bounds it.
    request.resume();
    // A connection that ends before it has all of the request is reset, and the answer is lost with it.
    if (isStrangers(problem)) await finished(request).catch(ignoreFailure);
    refuse(response, problem, encoding ?? 'json');
  }
}

/** Whose key the request has. @throws NervecenterError for what must not pass. */
async function admit(
  { headers, socket }: IncomingMessage,
  { keys, allowedOrigins }: OtlpHttpOptions,
): Promise<string | null> {
  const { origin, authorization } = headers;
  // No page is served here, so every page that sends is another site's.
  if (origin !== undefined && !allowedOrigins.includes(origin)) {
    throw new NervecenterError(
      'NC_ORIGIN_REFUSED',
      `The origin "${printable(origin)}" is not allowed here: pages of browsers may not send. If it is yours, add it to NERVECENTER_ALLOWED_ORIGINS.`,
    );
  }
  const key = headers[KEY_HEADER];
  return keys.nameOf({ key: typeof key === 'string' ? key : undefined, authorization }, socket);
}

interface Addressed {
  readonly signal: OtlpSignal;
  readonly encoding: Encoding;
  readonly keyName: string | null;
}

/** Receives a body and gives the answer to it. */
async function take(
  request: IncomingMessage,
  addressed: Addressed,
  { exports, inFlight }: OtlpHttpOptions,
): Promise<Buffer> {
  const compression = compressionOf(request.headers['content-encoding']);
  const via = request.headers[VIA_HEADER];
  const share = inFlight.share();
  try {
    const bytes = await receive(request, share);
    const rejected = await exports.accept({
      ...addressed,
      bytes,
      via: viaIn(typeof via === 'string' ? via : undefined),
      inflate: async () => (compression === null ? bytes : inflate(bytes, compression, share)),
    });
    return exportResponse(addressed.signal, rejected, addressed.encoding);
  } finally {
    share.release();
  }
}

async function receive(request: IncomingMessage, share: Share): Promise<Buffer> {
  const told = Number(request.headers['content-length'] ?? 0);
  if (told > BODY_BYTES_MAX) throw tooLarge('received');
  const gathered = new GatheredBytes(told);
  // Not destroyed when given up halfway: the answer has yet to go out on the same connection.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of body) {
    if (gathered.length + chunk.length > BODY_BYTES_MAX) throw tooLarge('received');
    share.add(chunk.length);
    gathered.add(chunk);
  }
  return gathered.bytes;
}

/** `null`: none that is known. */
function encodingOf(request: IncomingMessage): Encoding | null {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === TYPES.protobuf) return 'protobuf';
  return type === TYPES.json ? 'json' : null;
}

function unknownType({ headers }: IncomingMessage): NervecenterError {
  const type = printable(headers['content-type'] ?? 'none');
  return new NervecenterError(
    'NC_MEDIA_TYPE',
    `Content-Type: expected ${TYPES.protobuf} or ${TYPES.json}, got ${type}.`,
  );
}

/** What a refusal tells besides its reason. */
const REFUSAL_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer realm="nervecenter"' },
  405: { allow: 'POST' },
  415: { accept: `${TYPES.protobuf}, ${TYPES.json}`, 'accept-encoding': 'gzip, zstd' },
};

function refuse(response: ServerResponse, error: NervecenterError, encoding: Encoding): void {
  const status = httpStatusOf(error);
  const headers = {
    ...HEADERS,
    'content-type': TYPES[encoding],
    ...REFUSAL_HEADERS[status],
    ...(isStrangers(error) ? { connection: 'close' } : {}),
    ...retryAfter(error),
  };
  writeAnswer(response, { status, headers, body: statusBody(error, encoding) });
}

function retryAfter(error: NervecenterError): { 'retry-after'?: string } {
  const seconds = retrySecondsOf(error);
  return seconds === null ? {} : { 'retry-after': String(seconds) };
}

const TOO_SLOW = 'ERR_HTTP_REQUEST_TIMEOUT';
const MALFORMED_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431 };

/** What Node's parser gave up on; the connection is in an unknown state and ends. */
function refuseMalformed(
  { code = '' }: NodeJS.ErrnoException,
  socket: Duplex,
  statistics: OtlpStatistics,
): void {
  statistics.request('unknown', 'malformed');
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  // The protocol knows no 408: what a slow network has kept back comes again after a 503 only.
  const reason =
    code === TOO_SLOW
      ? new NervecenterError('NC_UNAVAILABLE', 'The request came too slowly. Send it again.')
      : new NervecenterError('NC_BAD_REQUEST', 'The request cannot be read as HTTP.');
  endWithAnswer(socket, {
    status: MALFORMED_STATUS[code] ?? httpStatusOf(reason),
    headers: { ...HEADERS, 'content-type': TYPES.json, ...retryAfter(reason) },
    body: statusBody(reason, 'json').toString(),
  });
}

/** A socket that fails is destroyed and closed by Node. */
function ignoreFailure(): void {}

import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip, type ZlibOptions } from 'node:zlib';
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { OtlpSignal } from '../../../../config/otlp/target.ts';
import { VIA_HEADER, type Via } from '../../../../core/passage.ts';
import { KIB, SECOND_MS } from '../../../../core/units.ts';
import { packageVersion } from '../../../../platform/version.ts';
import {
  accepted,
  type Outcome,
  refused,
  retry,
  type Transport,
  type TransportOptions,
} from './transport.ts';

const compress = promisify<Uint8Array, ZlibOptions, Buffer>(gzip);
/** Out of the other thread in few pieces: each costs this one some time. */
const ZIPPING: ZlibOptions = { chunkSize: 256 * KIB };
/** By the protocol; every other failure would be the same again. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** An answer is a few words; of more the connection is not worth keeping. */
const ANSWER_BYTES_MAX = 64 * KIB;
const SOCKETS_MAX = 2;

/** OTLP over HTTP, as protobuf or JSON. */
export function httpTransport({ endpoint, signal, tls }: TransportOptions): Transport {
  const url = new URL(endpoint.url);
  const secure = url.protocol === 'https:';
  const agentOptions = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const agent = secure ? new HttpsAgent({ ...agentOptions, ...tls }) : new HttpAgent(agentOptions);
  const json = endpoint.protocol === 'http/json';
  const zipped = endpoint.compression === 'gzip';
  const options: RequestOptions = {
    method: 'POST',
    agent,
    headers: {
      'user-agent': `nervecenter/${packageVersion()}`,
      ...endpoint.headers,
      'content-type': json ? 'application/json' : 'application/x-protobuf',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    },
  };
  return {
    async send(body, via, stopped) {
      try {
        const bytes = zipped ? await compress(body, ZIPPING) : body;
        const { timeoutMs } = endpoint;
        const response = await exchange(url, options, { bytes, via, stopped, timeoutMs });
        return outcomeOf(response, signal, json);
      } catch (error) {
        return retry(reasonOf(error));
      }
    },
    close: () => agent.destroy(),
  };
}

interface Sending {
  readonly bytes: Uint8Array;
  readonly via: Via;
  readonly stopped: AbortSignal;
  readonly timeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
}

function exchange(
  url: URL,
  options: RequestOptions,
  { bytes, via, stopped, timeoutMs }: Sending,
): Promise<Answer> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]);
  const headers = { ...options.headers, [VIA_HEADER]: via.join(','), 'content-length': bytes.length };
  return new Promise((resolve, reject) => {
    const request = send(url, { ...options, headers, signal }, (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.on('error', reject);
    request.end(bytes);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) {
      response.destroy();
      break;
    }
    chunks.push(chunk);
  }
  const { statusCode: status = 0, headers } = response;
  return { status, retryAfter: headers['retry-after'], body: Buffer.concat(chunks) };
}

function outcomeOf({ status, retryAfter, body }: Answer, signal: OtlpSignal, json: boolean): Outcome {
  if (status >= 200 && status < 300) return acceptance(signal, body, json);
  const reason = `HTTP status ${status}`;
  if (RETRYABLE.has(status)) return retry(reason, retryAfterMs(retryAfter));
  return refused(json ? `${reason} ${messageIn(body)}` : reason);
}

/** Seconds, or a date (RFC 9110); `null` where it is neither. */
function retryAfterMs(value: string | undefined): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * SECOND_MS;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? null : atMs - Date.now();
}

/** What was accepted in part is not sent again; what cannot be read of an answer says nothing. */
export function acceptance(signal: OtlpSignal, body: Uint8Array, json = false): Outcome {
  try {
    const [rejected, message] = body.length === 0 ? [] : PARTS[signal](body, json);
    return accepted(Number(rejected ?? 0), message ?? '');
  } catch {
    return accepted();
  }
}

type Part = readonly [rejected?: unknown, message?: string | undefined];

const PARTS: Readonly<Record<OtlpSignal, (body: Uint8Array, json: boolean) => Part>> = {
  traces(body, json) {
    const { partialSuccess } = (json ? JsonTraceSerializer : ProtobufTraceSerializer).deserializeResponse(
      body,
    );
    return [partialSuccess?.rejectedSpans, partialSuccess?.errorMessage];
  },
  metrics(body, json) {
    const { partialSuccess } = (json ? JsonMetricsSerializer : ProtobufMetricsSerializer).deserializeResponse(
      body,
    );
    return [partialSuccess?.rejectedDataPoints, partialSuccess?.errorMessage];
  },
  logs(body, json) {
    const { partialSuccess } = (json ? JsonLogsSerializer : ProtobufLogsSerializer).deserializeResponse(body);
    return [partialSuccess?.rejectedLogRecords, partialSuccess?.errorMessage];
  },
};

/** The message of a JSON `Status`, empty where there is none. */
function messageIn(body: Buffer): string {
  try {
    const { message } = JSON.parse(body.toString()) as { readonly message?: unknown };
    return typeof message === 'string' ? message : '';
  } catch {
    return '';
  }
}

function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return code ?? message;
}

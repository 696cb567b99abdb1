import type { NervecenterError } from '../../../../core/errors.ts';
import type { Encoding, OtlpRejected } from '../model.ts';
import type { OtlpSignal } from './statistics.ts';

/** Codes of `google.rpc.Code`. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const CODES: Partial<Record<NervecenterError['code'], number>> = {
  NC_BAD_REQUEST: INVALID_ARGUMENT,
  NC_MEDIA_TYPE: INVALID_ARGUMENT,
  NC_NOT_FOUND: NOT_FOUND,
  NC_METHOD_NOT_ALLOWED: UNIMPLEMENTED,
  NC_ORIGIN_REFUSED: PERMISSION_DENIED,
  NC_KEY_WRONG: PERMISSION_DENIED,
  NC_UNAUTHENTICATED: UNAUTHENTICATED,
  NC_PAYLOAD_TOO_LARGE: RESOURCE_EXHAUSTED,
  NC_OVERLOADED: RESOURCE_EXHAUSTED,
};

const HTTP_INTERNAL = 500;
const HTTP_UNAVAILABLE = 503;
/** How long a sender had better wait, in seconds. */
const OVERLOADED_SECONDS = 1;
const UNAVAILABLE_SECONDS = 5;
const MESSAGE_CHARS_MAX = 1000;

/** The gRPC code of a failure. */
export function grpcCodeOf(error: NervecenterError): number {
  return CODES[error.code] ?? (error.class === 'retryable' ? UNAVAILABLE : INTERNAL);
}

/** Whether somebody asked who may not send: the connection ends, and leaves its place to others. */
export function isStrangers({ code }: NervecenterError): boolean {
  return code === 'NC_UNAUTHENTICATED' || code === 'NC_KEY_WRONG' || code === 'NC_ORIGIN_REFUSED';
}

/** 429 and 503 make senders try again, so what stays as it is gets another one. */
export function httpStatusOf(error: NervecenterError): number {
  if (error.class === 'retryable') return error.code === 'NC_OVERLOADED' ? error.status : HTTP_UNAVAILABLE;
  return error.status === HTTP_UNAVAILABLE ? HTTP_INTERNAL : error.status;
}

/** When to try again, in seconds; `null`: never. */
export function retrySecondsOf(error: NervecenterError): number | null {
  if (error.class !== 'retryable') return null;
  return error.code === 'NC_OVERLOADED' ? OVERLOADED_SECONDS : UNAVAILABLE_SECONDS;
}

/** The fields that say how many records were rejected. */
const REJECTED_FIELDS: Readonly<Record<OtlpSignal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
};

/** `Export…ServiceResponse`, with `partial_success` where something was left out. */
export function exportResponse(signal: OtlpSignal, rejected: OtlpRejected, encoding: Encoding): Buffer {
  const { count } = rejected;
  const message = shortened(rejected.message);
  const partial = count > 0 || message !== '';
  if (encoding === 'json') {
    const partialSuccess = { [REJECTED_FIELDS[signal]]: String(count), errorMessage: message };
    return Buffer.from(JSON.stringify(partial ? { partialSuccess } : {}));
  }
  return partial ? delimited(1, Buffer.concat([varint(1, count), text(2, message)])) : Buffer.alloc(0);
}

/** `google.rpc.Status`. */
export function statusBody(error: NervecenterError, encoding: Encoding): Buffer {
  const code = grpcCodeOf(error);
  const message = shortened(error.message);
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }));
  const retrySeconds = retrySecondsOf(error);
  const details = retrySeconds === null ? [] : [delimited(3, retryInfo(retrySeconds))];
  return Buffer.concat([varint(1, code), text(2, message), ...details]);
}

/** `google.rpc.RetryInfo` in a `google.protobuf.Any`. */
function retryInfo(seconds: number): Buffer {
  const duration = delimited(1, varint(1, seconds));
  return Buffer.concat([text(1, 'type.googleapis.com/google.rpc.RetryInfo'), delimited(2, duration)]);
}

function shortened(message: string): string {
  return message.length > MESSAGE_CHARS_MAX ? `${message.slice(0, MESSAGE_CHARS_MAX)}…` : message;
}

function text(field: number, value: string): Buffer {
  return value === '' ? Buffer.alloc(0) : delimited(field, Buffer.from(value));
}

function delimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([digits((field << 3) | 2), digits(content.length), content]);
}

function varint(field: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([digits(field << 3), digits(value)]);
}

/** A whole number in groups of seven bits. */
function digits(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

import { KIB, MIB } from '../../../core/units.ts';
import type { EventParser, EventSink } from './event-parser.ts';

/** Total length, headers' length, checksum of both. */
const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
/** Amazon's own bounds of one message; whatever claims more is no event stream. */
const MESSAGE_BYTES_MAX = 24 * MIB;
/** Amazon allows 128 KiB; what Bedrock sends is under 200 bytes. */
const HEADERS_BYTES_MAX = 16 * KIB;
/** Type of a header's value, of which only strings are read. */
const STRING = 7;
/** Bytes of the values whose length is fixed, by type: true, false, byte, short, int, long, …, time, UUID. */
const FIXED_BYTES: readonly (number | null)[] = [0, 0, 1, 2, 4, 8, null, null, 8, 16];

const EVENT_NAME = /^[\w-]{1,64}$/;

/** An event is no text of the stream: its payload is. */
const NOT_AS_TEXT = -1;

type Part = 'prelude' | 'headers' | 'payload' | 'checksum';

/**
 * Incremental parser of `application/vnd.amazon.eventstream`, how Bedrock streams. Each message becomes an event of JSON
 * text: `{"<event type>":<payload>}`, a refusal `{"error":{"type":"<name>","details":<payload>}}`, and a `chunk` of
 * InvokeModel the model's own JSON, which Amazon wraps in base64. Payloads are handed on as they come: what is held is a
 * message's headers.
 *
 * The prelude's checksum is verified, since everything after a wrong length would be misread; the payload's is left to the
 * app's SDK. A stream that breaks off or is no event stream gives the events up to there.
 *
 * The text is the stream's bytes, one character each (latin1).
 */
export class AwsEventStreamParser implements EventParser {
  readonly #sink: EventSink;
  #part: Part = 'prelude';
  /** A length made no sense: nothing behind it can be read. */
  #broken = false;
  /** What has come of the prelude or the headers. */
  #held = '';
  /** Bytes that the current part still lacks. */
  #left = PRELUDE_BYTES;
  #payloadBytes = 0;
  #closing = '';
  /** Takes the base64 out of a chunk's payload; `null` where the payload is the event. */
  #chunk: ChunkPayload | null = null;
  steps = 0;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  write(text: string): void {
    let at = 0;
    while (at < text.length && !this.#broken) {
      const end = Math.min(at + this.#left, text.length);
      this.#take(text.slice(at, end));
      this.#left -= end - at;
      at = end;
      while (this.#left === 0 && !this.#broken) this.#endPart(text, at);
    }
  }

  #take(piece: string): void {
    if (this.#part === 'payload') {
      if (this.#chunk === null) this.#sink.data(piece);
      else this.#chunk.write(piece);
    } else if (this.#part !== 'checksum') this.#held += piece;
  }

  #endPart(text: string, at: number): void {
    this.steps++;
    const held = this.#held;
    this.#held = '';
    if (this.#part === 'prelude') this.#endPrelude(held);
    else if (this.#part === 'headers') this.#endHeaders(held);
    else if (this.#part === 'payload') this.#endPayload(text, at);
    else this.#begin('prelude', PRELUDE_BYTES);
  }

  #begin(part: Part, bytes: number): void {
    this.#part = part;
    this.#left = bytes;
  }

  #endPrelude(prelude: string): void {
    const messageBytes = unsigned(prelude, 0, 4);
    const headersBytes = unsigned(prelude, 4, 4);
    this.#payloadBytes = messageBytes - headersBytes - PRELUDE_BYTES - CHECKSUM_BYTES;
    const plausible =
      messageBytes <= MESSAGE_BYTES_MAX && headersBytes <= HEADERS_BYTES_MAX && this.#payloadBytes >= 0;
    if (plausible && crc32(prelude.slice(0, 8)) === unsigned(prelude, 8, 4)) {
      this.#begin('headers', headersBytes);
    } else this.#broken = true;
  }

  #endHeaders(text: string): void {
    const headers = readHeaders(text);
    const failure = headers.get(':exception-type') ?? headers.get(':error-code');
    const name = failure ?? headers.get(':event-type') ?? '';
    const safeName = EVENT_NAME.test(name) ? name : 'unknown';
    this.#chunk = safeName === 'chunk' ? new ChunkPayload(this.#sink) : null;
    this.#closing = '';
    if (this.#chunk === null) {
      const opening = failure === undefined ? `{"${safeName}":` : `{"error":{"type":"${safeName}","details":`;
      this.#closing = failure === undefined ? '}' : '}}';
      // An empty payload would leave the key without a value.
      this.#sink.data(this.#payloadBytes === 0 ? `${opening}{}` : opening);
    }
    this.#begin('payload', this.#payloadBytes);
  }

  #endPayload(text: string, at: number): void {
    if (this.#closing !== '') this.#sink.data(this.#closing);
    this.#sink.endOfEvent(text, NOT_AS_TEXT, at);
    this.#begin('checksum', CHECKSUM_BYTES);
  }
}

/** Where the base64 begins in a chunk's payload, `{"bytes":"…","p":"…"}`. */
const BYTES_KEY = /"bytes"\s*:\s*"/;
/** Enough to find the key when pieces cut it. */
const KEY_CHARS_MAX = 64;

/** Decodes the base64 in the payload of one `chunk` as it comes. */
class ChunkPayload {
  readonly #sink: EventSink;
  #state: 'before' | 'inside' | 'after' = 'before';
  /** Text before the base64, or up to three characters of base64 that are not yet three bytes. */
  #rest = '';

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  write(piece: string): void {
    if (this.#state === 'before') this.#find(piece);
    else if (this.#state === 'inside') this.#decode(piece);
  }

  #find(piece: string): void {
    const text = this.#rest + piece;
    const key = BYTES_KEY.exec(text);
    if (key === null) {
      this.#rest = text.slice(-KEY_CHARS_MAX);
      return;
    }
    this.#state = 'inside';
    this.#rest = '';
    this.#decode(text.slice(key.index + key[0].length));
  }

  #decode(piece: string): void {
    const quote = piece.indexOf('"');
    const text = this.#rest + (quote === -1 ? piece : piece.slice(0, quote));
    const whole = quote === -1 ? text.length - (text.length % 4) : text.length;
    this.#rest = text.slice(whole);
    if (quote !== -1) this.#state = 'after';
    const decoded = fromBase64(text.slice(0, whole));
    if (decoded === null) this.#state = 'after';
    else if (decoded !== '') this.#sink.data(decoded);
  }
}

/** The bytes, one character each; `null` when this is not base64. */
function fromBase64(text: string): string | null {
  try {
    return atob(text);
  } catch {
    return null; // The rest of this chunk says nothing that can be read.
  }
}

/** The headers whose values are texts; where they stop making sense, those up to there. */
function readHeaders(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const nameEnd = at + 1 + text.charCodeAt(at);
    const type = text.charCodeAt(nameEnd);
    const fixed = FIXED_BYTES[type];
    if (fixed === undefined) break;
    const start = nameEnd + 1 + (fixed === null ? 2 : 0);
    const end = start + (fixed ?? unsigned(text, nameEnd + 1, 2));
    if (!(end <= text.length)) break;
    if (type === STRING) headers.set(text.slice(at + 1, nameEnd), text.slice(start, end));
    at = end;
  }
  return headers;
}

function unsigned(text: string, at: number, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) value = value * 256 + text.charCodeAt(at + i);
  return value;
}

/** CRC-32 (IEEE 802.3) of a few bytes; bit by bit, since it sees eight of a message. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

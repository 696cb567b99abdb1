import type { Sender } from '../event.ts';
import { type RequestEvent, UNFINISHED } from '../signals/request.ts';
import type { Milliseconds } from '../units.ts';
import { ABSENT, FALSE, GIVEN, NAMES_FROM, NULL, SPAN_BYTES, TRACE_BYTES, UUID_BYTES } from './layout.ts';
import { hexText, RecordedId, uuidText } from './recorded-id.ts';

/** Where the fields are of a request whose trace is given, from the beginning of its id. */
const TIME = UUID_BYTES;
const TRACE = TIME + 8;
const USER_EMAIL = TRACE + 1 + TRACE_BYTES;
const DEPARTMENT = USER_EMAIL + 2;
const SPAN = DEPARTMENT + 2;
/** Likewise of those after the id of its span, from where that ends. */
const SAMPLED = 0;
const ROUTE = SAMPLED + 1;
const METHOD = ROUTE + 2;
const STATUS_CODE = METHOD + 2;
const DURATION = STATUS_CODE + 8;
const REQUEST_BYTES = DURATION + 8;
const RESPONSE_BYTES = REQUEST_BYTES + 8;
const SCHEME = RESPONSE_BYTES + 8;
const OUTCOME = SCHEME + 2;
const REST_BYTES = OUTCOME + 2;

/** Bytes with records that nobody writes to any more, and the names that are told in them and before. */
export interface RecordedBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly names: readonly string[];
}

/**
 * A request as it stands in its record: there may be thousands of them a second, so its fields are read there when they are
 * asked for, and its ids are bytes for who needs no text. Whatever is made of it by spreading has only what is here as a field:
 * who wants that takes `withOwnFields`.
 */
export class RecordedRequest implements RequestEvent {
  readonly signal = 'request';
  /** As its receiver says. */
  sender?: Sender;
  readonly scheme?: 'https';
  readonly outcome?: typeof UNFINISHED;
  readonly #record: RecordedBytes;
  readonly #at: number;
  /** Where what follows the id of its span begins. */
  readonly #rest: number;

  private constructor(record: RecordedBytes, at: number, rest: number) {
    this.#record = record;
    this.#at = at;
    this.#rest = rest;
    const scheme = this.#number16(rest + SCHEME);
    const outcome = this.#number16(rest + OUTCOME);
    if (scheme !== ABSENT) this.scheme = 'https';
    if (outcome !== ABSENT) this.outcome = UNFINISHED;
  }

  /**
   * The request whose fields begin there; `null` where they are not those of a sound request in a trace, written by this version:
   * then they are to be read one by one, and judged.
   *
   * @param end of its record.
   */
  static at(record: RecordedBytes, at: number, end: number): RecordedRequest | null {
    if (at + SPAN + 1 > end || record.bytes[at + TRACE] !== GIVEN) return null;
    const rest = at + SPAN + 1 + (record.bytes[at + SPAN] === GIVEN ? SPAN_BYTES : 0);
    if (rest + REST_BYTES !== end) return null;
    const request = new RecordedRequest(record, at, rest);
    return request.#isSound() ? request : null;
  }

  get id(): string {
    return uuidText(this.#record.bytes, this.#at);
  }

  get recordedId(): RecordedId {
    return new RecordedId(this.#record.bytes, this.#at);
  }

  get timeMs(): Milliseconds {
    return this.#float(this.#at + TIME) as Milliseconds;
  }

  get traceId(): string {
    return hexText(this.#record.bytes, this.#at + TRACE + 1, TRACE_BYTES);
  }

  get recordedTraceId(): RecordedId {
    return new RecordedId(this.#record.bytes, this.#at + TRACE + 1);
  }

  get userEmail(): string | null {
    return this.#name(this.#at + USER_EMAIL) ?? null;
  }

  get department(): string | null {
    return this.#name(this.#at + DEPARTMENT) ?? null;
  }

  get parentSpanId(): string | null {
    const { bytes } = this.#record;
    const at = this.#at + SPAN;
    return bytes[at] === GIVEN ? hexText(bytes, at + 1, SPAN_BYTES) : null;
  }

  get sampled(): boolean {
    return this.#record.bytes[this.#rest + SAMPLED] !== FALSE;
  }

  get route(): string {
    return this.#name(this.#rest + ROUTE) ?? '';
  }

  get method(): string {
    return this.#name(this.#rest + METHOD) ?? '';
  }

  get statusCode(): number {
    return this.#float(this.#rest + STATUS_CODE);
  }

  get durationMs(): Milliseconds {
    return this.#float(this.#rest + DURATION) as Milliseconds;
  }

  get requestBytes(): number | null {
    return this.#sizeAt(this.#rest + REQUEST_BYTES);
  }

  get responseBytes(): number | null {
    return this.#sizeAt(this.#rest + RESPONSE_BYTES);
  }

  /** As `accepts` of its signal has it, and the names are all told. */
  #isSound(): boolean {
    const { statusCode, durationMs } = this;
    return (
      Number.isFinite(this.timeMs) &&
      Number.isSafeInteger(statusCode) &&
      statusCode >= 0 &&
      isQuantity(durationMs) &&
      (this.requestBytes === null || isQuantity(this.requestBytes)) &&
      (this.responseBytes === null || isQuantity(this.responseBytes)) &&
      this.#isToldOr(NULL, this.#at + USER_EMAIL) &&
      this.#isToldOr(NULL, this.#at + DEPARTMENT) &&
      this.#name(this.#rest + ROUTE) !== undefined &&
      this.#name(this.#rest + METHOD) !== undefined &&
      this.#isToldOr(ABSENT, this.#rest + SCHEME, 'https') &&
      this.#isToldOr(ABSENT, this.#rest + OUTCOME, UNFINISHED) &&
      this.#record.bytes[this.#rest + SAMPLED] !== NULL &&
      this.#isSpanSound()
    );
  }

  #isToldOr(none: number, at: number, only?: string): boolean {
    const name = this.#name(at);
    return name === undefined ? this.#number16(at) === none : only === undefined || name === only;
  }

  #isSpanSound(): boolean {
    const { bytes } = this.#record;
    const at = this.#at + SPAN;
    if (bytes[at] !== GIVEN) return bytes[at] === ABSENT || bytes[at] === NULL;
    for (let index = 1; index <= SPAN_BYTES; index++) if (bytes[at + index] !== 0) return true;
    return false;
  }

  #sizeAt(at: number): number | null {
    const size = this.#float(at);
    return Number.isNaN(size) ? null : size;
  }

  #float(at: number): number {
    return this.#record.view.getFloat64(at, true);
  }

  #number16(at: number): number {
    return this.#record.view.getUint16(at, true);
  }

  #name(at: number): string | undefined {
    const number = this.#number16(at);
    // Asked first: what stands before the first element of a list is looked for as a property of it.
    return number < NAMES_FROM ? undefined : this.#record.names[number - NAMES_FROM];
  }
}

function isQuantity(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** An event with all its fields as its own, for who spreads it. */
export function withOwnFields<E extends object>(event: E): E {
  if (!(event instanceof RecordedRequest)) return event;
  const { signal, sender, id, timeMs, traceId, userEmail, department, parentSpanId, sampled } = event;
  const { route, method, statusCode, durationMs, requestBytes, responseBytes, scheme, outcome } = event;
  const plain: RequestEvent = {
    signal,
    id,
    timeMs,
    traceId,
    userEmail,
    department,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    ...(sampled ? {} : { sampled }),
    route,
    method,
    statusCode,
    durationMs,
    requestBytes,
    responseBytes,
    ...(scheme === undefined ? {} : { scheme }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(sender === undefined ? {} : { sender }),
  };
  return plain as object as E;
}

/** An event that says who sent it, whatever it claimed itself. */
export function sentBy<E extends object>(event: E, sender: Sender): E {
  if (!(event instanceof RecordedRequest)) return { ...event, sender };
  event.sender = sender;
  return event;
}

import { type BilledUnits, completionTokens, promptTokens, type TokenUsage } from '../../../core/event.ts';
import type { Usd } from '../../../core/units.ts';
import { forgetMatchedText } from '../../forget-matched-text.ts';
import type { Dialect, Facts } from '../dialects/dialect.ts';
import { contentTokens } from '../tokens/estimate.ts';
import { type RawUsage, reportedCost } from '../tokens/usage.ts';
import type { EventParser, EventSink } from './event-parser.ts';
import { JsonDocuments } from './json-documents.ts';
import { JsonReader } from './json-reader.ts';
import { type Found, JsonScanner } from './json-scanner.ts';
import { SseParser } from './sse.ts';
import { streamParser } from './stream-parser.ts';

/** An event's text up to this length is looked at as a whole; longer ones go through the scanner piece by piece. */
const EVENT_CHARS_MAX = 16 * 1024;
/** The model, and what tells a dialect, is in one of the first events of a stream; later ones are not searched for it. */
const FIRST_EVENTS = 3;
/** How a line of server-sent events begins: data, event, retry, id, or a comment. */
const FIELD_START = /^[deri:]/;
/** An id as it may stand in a path. */
const PENDING_ID = /^[\w.-]{1,200}$/;
const MEDIA = /^(?:audio|image|video)\//i;

/**
 * Reads one response, JSON or stream, as it passes by. What it holds is bounded: the beginning of one event and a few
 * small values. The text given is the body's bytes, one character each (latin1), decompressed.
 */
export class ResponseReader {
  readonly #dialect: Dialect;
  #json: JsonReader | null = null;
  #events: EventParser | null = null;
  #isStream = false;
  /** The body is sound or a picture, which may begin with any byte. */
  readonly #isMedia: boolean;
  /** Nothing is read of the body any more: it is sound, a picture, plain text, or over. */
  #isOpaque = false;
  #event = '';
  /** Reads the current event when it is too long to be held. */
  #eventScanner: JsonScanner | null = null;
  #eventCount = 0;
  #contentEvents = 0;
  #outputTokens = 0;
  #ended = false;
  #model: unknown;
  #usage: RawUsage | null = null;
  /** Asked for several times at the end, and counted once. */
  #counted: { readonly of: RawUsage; readonly tokens: TokenUsage | null } | null = null;
  #provisional = false;
  #failed = false;
  #errors: readonly unknown[] = [];
  #errorMessage: unknown;
  #finishReason: unknown;
  #serviceTier: unknown;
  #pendingId: unknown;
  #telling = false;
  #hasSaid = false;

  /** @param contentType of the response, `''` when it has none; where it says nothing the first character decides. */
  constructor(dialect: Dialect, contentType: string) {
    this.#dialect = dialect;
    this.#events = streamParser(contentType.toLowerCase(), this.#sink());
    this.#isStream = this.#events !== null;
    this.#isMedia = MEDIA.test(contentType);
  }

  /** Takes in what the response's headers say about the call; the body may say it better. */
  readHeaders(header: (name: string) => string | null): void {
    if (this.#dialect.readHeaders !== null) this.#merge(this.#dialect.readHeaders(header));
  }

  write(text: string): void {
    if (this.#isOpaque) return;
    if (this.#json === null && this.#events === null) this.#choose(text);
    this.#events?.write(text);
    if (this.#json === null || this.#json.complete) return;
    this.#json.write(text);
    if (this.#json.complete) this.#ended = true;
  }

  /** No more comes. Takes in what a broken-off body has said so far; whatever holds some of its text is let go. */
  finish(): void {
    if (this.#json !== null) this.#take(this.#json.found);
    this.#isOpaque = true;
    this.#json = null;
    this.#events = null;
    this.#event = '';
    this.#eventScanner = null;
    forgetMatchedText();
  }

  /** Nothing more is to come: the last event was seen, or the JSON document is closed. */
  get ended(): boolean {
    return this.#ended;
  }

  get isStream(): boolean {
    return this.#isStream;
  }

  /** Events with content so far. */
  get contentEvents(): number {
    return this.#contentEvents;
  }

  /** What the content so far comes to, should the provider not count it; see `estimateUsage`. */
  get outputTokens(): number {
    return this.#outputTokens;
  }

  get model(): unknown {
    return this.#model;
  }

  /** Tokens by the provider's own count, `null` when it gave none that can be used. */
  get usage(): TokenUsage | null {
    if (this.#usage === null) return null;
    if (this.#counted?.of !== this.#usage) {
      this.#counted = { of: this.#usage, tokens: this.#dialect.countTokens(this.#usage) };
    }
    return this.#counted.tokens;
  }

  /** The count is only of the stream's beginning: its provider says so, or it knows nothing of the content that came. */
  get usageIsProvisional(): boolean {
    if (this.#provisional || !this.#isStream || this.#contentEvents === 0) return this.#provisional;
    const { usage } = this;
    return usage !== null && completionTokens(usage) === 0;
  }

  get reportedCostUsd(): Usd | null {
    return this.#usage === null ? null : reportedCost(this.#usage);
  }

  /** The provider reported an error, in the body or inside the stream. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Codes, types and status words of that error, the most telling first. */
  get errors(): readonly unknown[] {
    return this.#errors;
  }

  /** The provider's own words for the error: to be recorded only when the user asks for it, since they may quote anything. */
  get errorMessage(): unknown {
    return this.#errorMessage;
  }

  /** Why the model stopped, in the provider's word. */
  get finishReason(): unknown {
    return this.#finishReason;
  }

  /** The tier the provider says it served. */
  get serviceTier(): unknown {
    return this.#serviceTier;
  }

  /** Under which the outcome is to be asked for, `null` when this is the outcome. A stream brings it itself. */
  get pendingId(): string | null {
    const id = this.#pendingId;
    return !this.#isStream && typeof id === 'string' && PENDING_ID.test(id) ? id : null;
  }

  /** The provider's total is not the sum of the buckets. */
  get usageMismatch(): boolean {
    const usage = this.usage;
    if (this.#usage === null || usage === null || this.usageIsProvisional) return false;
    const total = this.#dialect.totalTokens(this.#usage);
    return total !== null && total !== promptTokens(usage) + completionTokens(usage);
  }

  /** What is billed besides tokens, `null` when nothing is or nobody says. */
  get billedUnits(): BilledUnits | null {
    return this.#usage === null ? null : this.#dialect.billedUnits(this.#usage);
  }

  /** Whether what has come so far may be the answer to a call: asked where host and path do not prove it. */
  get mayBeCall(): boolean {
    return this.#told || this.#failed || !this.#hasSaid;
  }

  /** The answer is one that only this dialect gives. */
  get isTelling(): boolean {
    return this.#telling;
  }

  get #told(): boolean {
    return this.#telling || !this.#dialect.answerMustTell;
  }

  #sink(): EventSink {
    return { data: (piece) => this.#data(piece), endOfEvent: () => this.#endOfEvent() };
  }

  #choose(text: string): void {
    const start = text.trimStart().charAt(0);
    if (start === '') return;
    const { stream, streamsByDefault, wanted } = this.#dialect;
    if (stream !== null && (start === '[' || (start === '{' && streamsByDefault))) {
      this.#events = new JsonDocuments(this.#sink());
    } else if (start === '{' || start === '[') {
      this.#json = new JsonReader(wanted);
    } else if (FIELD_START.test(start) && !this.#isMedia) {
      this.#events = new SseParser(this.#sink());
      this.#isStream = true;
    } else {
      this.#isOpaque = true;
    }
  }

  #data(piece: string): void {
    if (this.#eventScanner !== null) {
      this.#eventScanner.write(piece);
      return;
    }
    if (this.#event.length + piece.length <= EVENT_CHARS_MAX) {
      this.#event += piece;
      return;
    }
    this.#eventScanner = new JsonScanner(this.#dialect.wanted);
    this.#eventScanner.write(this.#event);
    this.#eventScanner.write(piece);
    // Enough of the beginning stays to tell what kind of event it is.
    this.#event = (this.#event + piece).slice(0, EVENT_CHARS_MAX);
  }

  #endOfEvent(): void {
    const text = this.#event;
    const scanner = this.#eventScanner;
    this.#event = '';
    this.#eventScanner = null;
    // Documents without a content type that says so: the second one makes it a stream.
    if (++this.#eventCount > 1) this.#isStream = true;
    const patterns = this.#dialect.stream;
    if (patterns === null) return;
    this.#countContent(text, patterns.content);
    if (scanner !== null) this.#take(scanner.found);
    else if (this.#isWorthReading(text, patterns.facts)) this.#scanEvent(text);
    if (patterns.end?.test(text) === true) this.#ended = true;
  }

  #countContent(text: string, content: RegExp): void {
    const at = text.search(content);
    if (at === -1) return;
    this.#contentEvents++;
    this.#outputTokens += contentTokens(text, at);
  }

  #isWorthReading(text: string, facts: RegExp): boolean {
    const unknown = this.#model === undefined || !this.#told;
    return (unknown && this.#eventCount <= FIRST_EVENTS) || facts.test(text);
  }

  #scanEvent(text: string): void {
    const json = new JsonReader(this.#dialect.wanted);
    json.write(text);
    this.#take(json.found);
  }

  #take(found: Found): void {
    this.#hasSaid = true;
    this.#merge(this.#dialect.read(found));
  }

  #merge(facts: Facts): void {
    if (typeof facts.model === 'string') this.#model ??= facts.model;
    if (facts.usage !== null) {
      this.#usage = this.#usage === null ? facts.usage : this.#dialect.mergeUsage(this.#usage, facts.usage);
      this.#provisional = facts.provisional && this.#json === null;
    }
    if (facts.failed) {
      this.#failed = true;
      // A body may fail to name what the headers have named.
      if (facts.errors.some((error) => (error ?? null) !== null) || this.#errors.length === 0) {
        this.#errors = facts.errors;
      }
      this.#errorMessage = facts.errorMessage;
    }
    this.#finishReason = facts.finishReason ?? this.#finishReason;
    this.#serviceTier = facts.serviceTier ?? this.#serviceTier;
    this.#pendingId = facts.pendingId;
    this.#telling ||= facts.telling;
  }
}

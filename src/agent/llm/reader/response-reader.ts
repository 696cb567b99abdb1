import { completionTokens } from '../../../core/llm/usage.ts';
import { forgetMatchedText } from '../../forget-matched-text.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { contentTokens, textAt } from '../tokens/estimate.ts';
import { Answer } from './answer.ts';
import { AwsEventStreamParser } from './aws-event-stream.ts';
import { ByteOrderMark } from './byte-order-mark.ts';
import type { EventParser, EventSink } from './event-parser.ts';
import { JsonDocuments } from './json-documents.ts';
import { JsonReader } from './json-reader.ts';
import { type Found, JsonScanner, type Wanted } from './json-scanner.ts';
import { RepeatedEvents } from './repeated-events.ts';
import { SseParser } from './sse.ts';

/** How streams are cut, by content type. Adding a framing is one file and one line. */
const FRAMINGS: Readonly<Record<string, (sink: EventSink) => EventParser>> = {
  'text/event-stream': (sink) => new SseParser(sink),
  'application/vnd.amazon.eventstream': (sink) => new AwsEventStreamParser(sink),
  'application/x-ndjson': (sink) => new JsonDocuments(sink),
  'application/stream+json': (sink) => new JsonDocuments(sink),
};

/** An event's text up to this length is looked at as a whole; longer ones go through the scanner piece by piece. */
const EVENT_CHARS_MAX = 16 * 1024;
/** The model, and what tells a dialect, is in one of the first events of a stream; later ones are not searched for it. */
const FIRST_EVENTS = 3;
/** How a line of server-sent events begins: data, event, retry, id, or a comment. */
const FIELD_START = /^[deri:]/;
/**
 * Work that one answer may cost, in steps of some 25 ns: a tenth of a second, and what its bytes are worth. The longest answers
 * of models come to a tenth of it, those with the probabilities of their tokens to more, in as many more bytes; a body that is
 * made of nothing but beginnings and ends is given up, however few bytes it has.
 */
const STEPS_MAX = 4_000_000;
const CHARS_PER_STEP = 4;
/** What reading an event costs, one that is known, and one that says something of the call. */
const EVENT_STEPS = 16;
const KNOWN_STEPS = 4;
const FACTS_STEPS = 64;
/** A line, a bracket, a part of a message: each begins or ends something. */
const CUT_STEPS = 4;
/** The body is sound or a picture, which may begin with any byte. */
const MEDIA = /^(?:audio|image|video)\//i;

/**
 * Reads one response, JSON or stream, as it passes by. What it holds is bounded: the beginning of one event and a few
 * small values. The text given is the body's bytes, one character each (latin1), decompressed.
 */
export class ResponseReader extends Answer {
  #json: JsonReader | null = null;
  #events: EventParser | null = null;
  #isStream = false;
  readonly #contentType: string;
  /** Nothing is read of the body any more: it is sound, a picture, plain text, or over. */
  #isOpaque = false;
  readonly #event: HeldEvent;
  #eventCount = 0;
  #contentEvents = 0;
  #outputTokens = 0;
  #ended = false;
  #hasSaid = false;
  readonly #repeated = new RepeatedEvents();
  readonly #onContent: (end: number) => void;
  /** Less what its bytes are worth. */
  #steps = 0;
  readonly #mark = new ByteOrderMark();

  /**
   * @param contentType of the response, `''` when it has none; where it says nothing the first character decides.
   * @param onContent told of each event with content, where it ends in the text that is being written. @default nobody asks
   */
  constructor(dialect: Dialect, contentType: string, onContent: (end: number) => void = () => {}) {
    super(dialect);
    this.#onContent = onContent;
    this.#event = new HeldEvent(dialect.wanted);
    this.#contentType = contentType;
    this.#events = streamParser(contentType.toLowerCase(), () => this.#sink());
    this.#isStream = this.#events !== null;
  }

  /** Takes in what the response's headers say about the call; the body may say it better. */
  readHeaders(header: (name: string) => string | null): void {
    if (this.dialect.readHeaders !== null) this.merge(this.dialect.readHeaders(header), false);
  }

  write(bytes: string): void {
    if (this.#isOpaque) return;
    const text = this.#mark.passedOver(bytes);
    this.#steps -= text.length / CHARS_PER_STEP;
    if (this.#json === null && this.#events === null) this.#choose(text);
    this.#events?.write(text);
    if (this.#json !== null && !this.#json.complete) {
      this.#json.write(text);
      if (this.#json.complete) this.#ended = true;
    }
    if (this.#stepsSoFar > STEPS_MAX) this.finish();
  }

  /** No more comes. Takes in what a broken-off body has said so far; whatever holds some of its text is let go. */
  finish(): void {
    if (this.#json !== null) this.#take(this.#json.found);
    this.#steps = this.#stepsSoFar;
    this.#isOpaque = true;
    this.#json = null;
    this.#events = null;
    this.#event.take();
    this.#repeated.forget();
    forgetMatchedText();
  }

  /** Nothing more is to come: the last event was seen, or the JSON document is closed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Reading on would have cost more than it is worth: nothing is known of the rest. */
  get gaveUp(): boolean {
    return this.#steps > STEPS_MAX;
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

  /** The count is only of the stream's beginning: its provider says so, or it knows nothing of the content that came. */
  override get usageIsProvisional(): boolean {
    const provisional = super.usageIsProvisional;
    if (provisional || !this.#isStream || this.#contentEvents === 0) return provisional;
    const { usage } = this;
    return usage !== null && completionTokens(usage) === 0;
  }

  /** A stream brings the outcome itself. */
  override get pendingId(): string | null {
    return this.#isStream ? null : super.pendingId;
  }

  /** Whether what has come so far may be the answer to a call: asked where host and path do not prove it. */
  get mayBeCall(): boolean {
    return this.#told || this.failed || !this.#hasSaid;
  }

  get #told(): boolean {
    return this.isTelling || !this.dialect.answerMustTell;
  }

  get #stepsSoFar(): number {
    const inEvents = CUT_STEPS * (this.#events?.steps ?? 0) + this.#event.steps;
    return this.#steps + (this.#json?.steps ?? 0) + inEvents;
  }

  #sink(): EventSink {
    const seen = (text: string, wordAt: number, end: number) => {
      this.#eventCount++;
      this.#steps += KNOWN_STEPS;
      this.#sawContent(text, wordAt, end);
    };
    return {
      skip: (text, at) =>
        this.#mayHoldModel(this.#eventCount + 1) ? at : this.#repeated.skip(text, at, seen),
      data: (piece) => this.#event.add(piece),
      endOfEvent: (text, begin, end) => this.#endOfEvent(text, begin, end),
    };
  }

  #choose(text: string): void {
    const start = text.trimStart().charAt(0);
    if (start === '') return;
    const { stream, streamsByDefault, wanted } = this.dialect;
    if (stream !== null && (start === '[' || (start === '{' && streamsByDefault))) {
      this.#events = new JsonDocuments(this.#sink());
    } else if (start === '{' || start === '[') {
      this.#json = new JsonReader(wanted);
    } else if (FIELD_START.test(start) && !MEDIA.test(this.#contentType)) {
      this.#events = new SseParser(this.#sink());
      this.#isStream = true;
    } else {
      this.#isOpaque = true;
    }
  }

  #endOfEvent(piece: string, begin: number, end: number): void {
    const { text, found, steps } = this.#event.take();
    this.#steps += EVENT_STEPS + steps;
    // Documents without a content type that says so: the second one makes it a stream.
    if (++this.#eventCount > 1) this.#isStream = true;
    const patterns = this.dialect.stream;
    if (patterns === null) return;
    const key = text.search(patterns.content);
    const wordAt = key === -1 ? -1 : textAt(text, key);
    if (key !== -1) this.#sawContent(text, wordAt, end);
    const isLast = patterns.end?.test(text) === true;
    if (isLast) this.#ended = true;
    if (found !== null) this.#take(found);
    else if (this.#mayHoldModel(this.#eventCount) || patterns.facts.test(text)) this.#scanEvent(text);
    else if (wordAt !== -1 && !isLast && begin !== -1) this.#learn(piece.slice(begin, end), text, wordAt);
  }

  /** @param nth event of the stream. */
  #mayHoldModel(nth: number): boolean {
    return nth <= FIRST_EVENTS && (this.model === undefined || !this.#told);
  }

  #sawContent(text: string, wordAt: number, end: number): void {
    this.#contentEvents++;
    this.#outputTokens += contentTokens(text, wordAt);
    this.#onContent(end);
  }

  /** An event is known by all its text, of which its data is a part. */
  #learn(event: string, data: string, wordAt: number): void {
    const dataAt = event.indexOf(data);
    if (dataAt !== -1) this.#repeated.learn(event, dataAt + wordAt);
  }

  #scanEvent(text: string): void {
    this.#steps += FACTS_STEPS;
    const json = new JsonReader(this.dialect.wanted);
    json.write(text);
    this.#steps += json.steps;
    this.#take(json.found);
  }

  #take(found: Found): void {
    this.#hasSaid = true;
    this.merge(this.dialect.read(found), this.#json !== null);
  }
}

/** The text of the event that is coming in: its beginning, and beyond that what the scanner makes of it. */
class HeldEvent {
  readonly #wanted: Wanted;
  #text = '';
  /** Reads the event when it is too long to be held. */
  #scanner: JsonScanner | null = null;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** What the event has cost so far. */
  get steps(): number {
    return this.#scanner?.steps ?? 0;
  }

  add(piece: string): void {
    if (this.#scanner !== null) {
      this.#scanner.write(piece);
      return;
    }
    if (this.#text.length + piece.length <= EVENT_CHARS_MAX) {
      this.#text += piece;
      return;
    }
    this.#scanner = new JsonScanner(this.#wanted);
    this.#scanner.write(this.#text);
    this.#scanner.write(piece);
    // Enough of the beginning stays to tell what kind of event it is.
    this.#text = (this.#text + piece).slice(0, EVENT_CHARS_MAX);
  }

  /** The event is over. @returns its text or the beginning of it, and what was found in one too long to be held. */
  take(): { readonly text: string; readonly found: Found | null; readonly steps: number } {
    const { found = null, steps = 0 } = this.#scanner ?? {};
    const taken = { text: this.#text, found, steps };
    this.#text = '';
    this.#scanner = null;
    return taken;
  }
}

/** The parser for a stream of this content type (lower case); `null` when it says nothing about a stream. */
function streamParser(contentType: string, sink: () => EventSink): EventParser | null {
  const [type = ''] = contentType.split(';', 1);
  const create = FRAMINGS[type.trim()];
  return create === undefined ? null : create(sink());
}

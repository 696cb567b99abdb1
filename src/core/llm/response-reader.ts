import type { TokenUsage } from '../event.ts';
import type { Usd } from '../units.ts';
import type { Dialect } from './dialect.ts';
import { type Found, JsonScanner } from './json-scanner.ts';
import { SseParser } from './sse.ts';
import { type RawUsage, reportedCost } from './usage.ts';

/** An event's text up to this length is looked at as a whole; longer ones go through the scanner piece by piece. */
const EVENT_CHARS_MAX = 16 * 1024;
/** The model is in one of the first events of a stream; later ones are not searched for it. */
const MODEL_EVENTS_MAX = 3;

/**
 * Reads one response, JSON or stream, as it passes by. What it holds is bounded: the beginning of one event and a few
 * small values. The text given is the body's bytes, one character each (latin1), decompressed.
 */
export class ResponseReader {
  readonly #dialect: Dialect;
  #json: JsonScanner | null = null;
  #sse: SseParser | null = null;
  #event = '';
  /** Reads the current event when it is too long to be held. */
  #eventScanner: JsonScanner | null = null;
  #events = 0;
  #contentEvents = 0;
  #ended = false;
  #model: unknown;
  #usage: RawUsage | null = null;
  #provisional = false;
  #failed = false;
  #errors: readonly unknown[] = [];

  /** @param isEventStream what the response's content type says; without it the first character decides. */
  constructor(dialect: Dialect, isEventStream: boolean) {
    this.#dialect = dialect;
    if (isEventStream) this.#readAsStream();
  }

  write(text: string): void {
    if (this.#json === null && this.#sse === null) this.#choose(text);
    this.#sse?.write(text);
    if (this.#json === null || this.#json.complete) return;
    this.#json.write(text);
    if (this.#json.complete) this.#ended = true;
  }

  /** No more comes. Takes in what a broken-off body has said so far. */
  finish(): void {
    if (this.#json !== null) this.#take(this.#json.found);
    this.#event = '';
    this.#eventScanner = null;
  }

  /** Nothing more is to come: the last event was seen, or the JSON document is closed. */
  get ended(): boolean {
    return this.#ended;
  }

  get isStream(): boolean {
    return this.#sse !== null;
  }

  /** Events with content so far. */
  get contentEvents(): number {
    return this.#contentEvents;
  }

  get model(): unknown {
    return this.#model;
  }

  /** Tokens by the provider's own count, `null` when it gave none that can be used. */
  get usage(): TokenUsage | null {
    return this.#usage === null ? null : this.#dialect.countTokens(this.#usage);
  }

  /** The count is only of the stream's beginning. */
  get usageIsProvisional(): boolean {
    return this.#provisional;
  }

  get reportedCostUsd(): Usd | null {
    return this.#usage === null ? null : reportedCost(this.#usage);
  }

  /** The provider reported an error, in the body or inside the stream. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Codes and types of that error, the most telling first. */
  get errors(): readonly unknown[] {
    return this.#errors;
  }

  #choose(text: string): void {
    const start = text.trimStart().charAt(0);
    if (start === '') return;
    if (start === '{' || start === '[') this.#json = new JsonScanner(this.#dialect.wanted);
    else this.#readAsStream();
  }

  #readAsStream(): void {
    this.#sse = new SseParser({ data: (piece) => this.#data(piece), endOfEvent: () => this.#endOfEvent() });
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
    this.#events++;
    const patterns = this.#dialect.stream;
    if (patterns === null) return;
    if (patterns.content.test(text)) this.#contentEvents++;
    if (scanner !== null) this.#take(scanner.found);
    else if (this.#isWorthReading(text, patterns.facts)) this.#scanEvent(text);
    if (patterns.end.test(text)) this.#ended = true;
  }

  #isWorthReading(text: string, facts: RegExp): boolean {
    return (this.#model === undefined && this.#events <= MODEL_EVENTS_MAX) || facts.test(text);
  }

  #scanEvent(text: string): void {
    const scanner = new JsonScanner(this.#dialect.wanted);
    scanner.write(text);
    this.#take(scanner.found);
  }

  #take(found: Found): void {
    const facts = this.#dialect.read(found);
    if (typeof facts.model === 'string') this.#model ??= facts.model;
    if (facts.usage !== null) {
      this.#usage = this.#usage === null ? facts.usage : this.#dialect.mergeUsage(this.#usage, facts.usage);
      this.#provisional = facts.provisional;
    }
    if (facts.failed) {
      this.#failed = true;
      this.#errors = facts.errors;
    }
  }
}

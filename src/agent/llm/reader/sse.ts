import type { EventParser, EventSink } from './event-parser.ts';

const FIELD = 'data:';
/** As nearly everybody writes it. */
const SPACED_FIELD = `${FIELD} `;
const LF = 10;
const CR = 13;
const NO_END_OF_LINE = /[^\r\n]/g;

/**
 * Incremental parser of `text/event-stream` (WHATWG HTML, section 9.2), reduced to what model providers use it for: the
 * `data` fields. It hands data on as it comes and itself holds at most the five characters that tell which field a line
 * is, so an event of any size costs no memory here. Lines may end in LF, CR or CRLF; pieces may end anywhere.
 *
 * An event that the stream breaks off is not delivered, as the standard asks.
 */
export class SseParser implements EventParser {
  readonly #sink: EventSink;
  /** What kind of line we are in; `start` until the field's name is known. */
  #line: 'start' | 'data' | 'other' = 'start';
  #name = '';
  /** The next character is a data field's optional leading space. */
  #spaceDue = false;
  #hasData = false;
  #lastWasCr = false;
  steps = 0;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  write(text: string): void {
    let at = 0;
    if (this.#lastWasCr && text.charCodeAt(0) === LF) at = 1;
    if (text.length > 0) this.#lastWasCr = false;
    let begin = this.#isBetween ? at : -1;
    let cr = text.indexOf('\r', at);
    let lf = text.indexOf('\n', at);
    while (at < text.length) {
      const isBetween = this.#isBetween;
      if (isBetween) begin = at = this.#next(text, at);
      if (at === text.length) return;
      if (cr !== -1 && cr < at) cr = text.indexOf('\r', at);
      const behind = isBetween && cr === -1 ? this.#wholeEvent(text, at) : -1;
      if (behind !== -1) {
        at = behind;
        continue;
      }
      if (lf !== -1 && lf < at) lf = text.indexOf('\n', at);
      const end = lf === -1 || (cr !== -1 && cr < lf) ? cr : lf;
      this.#lineText(text, at, end === -1 ? text.length : end);
      if (end === -1) return;
      at = end + 1;
      if (end === cr && at === text.length) this.#lastWasCr = true;
      else if (end === cr && text.charCodeAt(at) === LF) at++;
      this.#endOfLine(text, begin, at);
    }
  }

  /** Whether the next line begins an event. */
  get #isBetween(): boolean {
    return this.#line === 'start' && this.#name === '' && !this.#hasData;
  }

  /** Where there is something to cut: behind the events that are known, and behind empty lines. */
  #next(text: string, from: number): number {
    for (let at = behindEmptyLines(text, from); ; ) {
      const end = this.#sink.skip(text, at);
      if (end === at) return at;
      at = behindEmptyLines(text, end);
    }
  }

  /**
   * Hands on an event that is one line and lies in this piece as a whole, which nearly all do.
   *
   * @returns where the next one begins; -1: it is not such an event, nothing was done.
   */
  #wholeEvent(text: string, at: number): number {
    if (!text.startsWith(SPACED_FIELD, at)) return -1;
    const from = at + SPACED_FIELD.length;
    const end = text.indexOf('\n', from);
    if (end === -1 || text.charCodeAt(end + 1) !== LF) return -1;
    this.steps++;
    if (end > from) this.#sink.data(text.slice(from, end));
    this.#sink.endOfEvent(text, at, end + 2);
    return end + 2;
  }

  #lineText(text: string, from: number, to: number): void {
    let at = from;
    if (this.#line === 'start') {
      const taken = Math.min(FIELD.length - this.#name.length, to - at);
      this.#name += text.slice(at, at + taken);
      at += taken;
      if (!FIELD.startsWith(this.#name)) this.#line = 'other';
      else if (this.#name.length === FIELD.length) this.#startData();
    }
    if (this.#line !== 'data' || at >= to) return;
    if (this.#spaceDue && text.charCodeAt(at) === 32) at++;
    this.#spaceDue = false;
    if (at < to) this.#sink.data(text.slice(at, to));
  }

  #startData(): void {
    this.#line = 'data';
    this.#spaceDue = true;
    if (this.#hasData) this.#sink.data('\n');
    this.#hasData = true;
  }

  #endOfLine(text: string, begin: number, end: number): void {
    const blank = this.#line === 'start' && this.#name === '';
    this.steps++;
    this.#line = 'start';
    this.#name = '';
    this.#spaceDue = false;
    if (!blank || !this.#hasData) return;
    this.#hasData = false;
    this.#sink.endOfEvent(text, begin, end);
  }
}

function behindEmptyLines(text: string, from: number): number {
  const char = text.charCodeAt(from);
  if (char !== LF && char !== CR) return from;
  NO_END_OF_LINE.lastIndex = from;
  return NO_END_OF_LINE.test(text) ? NO_END_OF_LINE.lastIndex - 1 : text.length;
}

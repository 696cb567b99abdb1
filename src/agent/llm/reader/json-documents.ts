import type { EventParser, EventSink } from './event-parser.ts';

const NEXT_OUTSIDE = /["[\]{}]/g;
const NEXT_IN_STRING = /["\\]/g;

/**
 * Cuts a sequence of JSON documents into events: one per line (NDJSON), one after the other, pretty-printed, or as the
 * elements of one array, which is how Gemini streams unless asked for server-sent events. Only objects are events; depth and
 * whether a string is open is all it holds.
 *
 * A document that the stream breaks off is not delivered, as with server-sent events.
 */
export class JsonDocuments implements EventParser {
  readonly #sink: EventSink;
  #depth = 0;
  #inString = false;
  /** The previous piece ended in a backslash that escapes the next character. */
  #escaped = false;
  steps = 0;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  write(text: string): void {
    let at = this.#depth === 0 ? this.#sink.skip(text, 0) : 0;
    let begin = this.#depth === 0 ? at : -1;
    if (this.#escaped && text.length > 0) {
      this.#escaped = false;
      at = 1;
    }
    let from = 0;
    for (let found = this.#next(text, at); found !== -1; found = this.#next(text, at)) {
      this.steps++;
      at = found + 1;
      const char = text[found];
      if (char === '\\') {
        if (at === text.length) this.#escaped = true;
        at++;
      } else if (char === '"') {
        if (this.#depth > 0) this.#inString = !this.#inString;
      } else if (char === '{' || char === '[') {
        // Only an object begins an event: an array around all of them is passed over.
        if (this.#depth === 0 && char === '[') continue;
        if (this.#depth++ === 0) from = found;
      } else if (this.#depth > 0 && --this.#depth === 0) {
        this.#sink.data(text.slice(from, at));
        this.#sink.endOfEvent(text, begin, at);
        begin = at = this.#sink.skip(text, at);
      }
    }
    if (this.#depth > 0 && from < text.length) this.#sink.data(text.slice(from));
  }

  #next(text: string, at: number): number {
    const pattern = this.#inString ? NEXT_IN_STRING : NEXT_OUTSIDE;
    pattern.lastIndex = at;
    return at < text.length && pattern.test(text) ? pattern.lastIndex - 1 : -1;
  }
}

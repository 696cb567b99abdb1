/** UTF-8's, its bytes as characters (latin1). */
const MARK = '\u00ef\u00bb\u00bf';
const FIRST_CODE = MARK.charCodeAt(0);

/** What a body may begin with before its first character, and what says nothing. */
export class ByteOrderMark {
  #seen = 0;

  /** The next piece of a body, without it. */
  passedOver(text: string): string {
    if (this.#seen === MARK.length) return text;
    if (this.#seen === 0 && text.charCodeAt(0) < FIRST_CODE) {
      this.#seen = MARK.length; // As nearly always.
      return text;
    }
    let at = 0;
    while (at < text.length && this.#seen < MARK.length && text[at] === MARK[this.#seen]) {
      at++;
      this.#seen++;
    }
    // No document and no stream begins with a part of it.
    if (at < text.length) this.#seen = MARK.length;
    return text.slice(at);
  }
}

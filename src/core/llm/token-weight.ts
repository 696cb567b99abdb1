/**
 * What text comes to in tokens, judged by its bytes alone. The weights were fitted to `o200k_base` over prose in sixteen
 * languages, source code and JSON; test/core/llm/estimate.test.ts holds the error that is left. A tokenizer itself is out
 * of the question: it takes up to a second in the app's thread.
 */
const WORD_START = 0.62;
const LETTER = 0.1;
const DIGIT = 0.9;
/** Up to three digits are one token. */
const MORE_DIGITS = 0.25;
/** Of punctuation side by side (`"},{"`) the first counts: such runs are one token or two. */
const PUNCTUATION = 0.93;
const WHITE = 0.03;
/** `\n`, `\"` in JSON. */
const ESCAPE = 0.5;
/** By the first byte of a character in UTF-8; what follows it weighs nothing. */
const LATIN_ACCENTED = 1;
const TWO_BYTES = 0.31;
const INDIC = 0.4;
const IDEOGRAPH = 0.8;
const FOUR_BYTES = 2;

const BACKSLASH = 92;
const LOWER_U = 117;
const QUOTE = 34;
/** `\uXXXX` in JSON. */
const UNICODE_ESCAPE_CHARS = 6;

const WEIGHT_OF_BYTE: Float64Array = Float64Array.from({ length: 256 }, (_, byte) => weightOfByte(byte));

function weightOfByte(byte: number): number {
  if (isLetter(byte)) return LETTER;
  if (byte <= 32) return WHITE;
  if (byte < 0xc0) return 0; // Of digits and punctuation it depends on what is before.
  if (byte < 0xd0) return LATIN_ACCENTED;
  if (byte < 0xe0) return TWO_BYTES;
  if (byte < 0xe3) return INDIC;
  return byte < 0xf0 ? IDEOGRAPH : FOUR_BYTES;
}

function isPunctuation(code: number): boolean {
  return code > 32 && code < 0x80 && !isLetter(code) && !isDigit(code);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isLetter(code: number): boolean {
  return isUpper(code) || (code >= 97 && code <= 122);
}

function isUpper(code: number): boolean {
  return code >= 65 && code <= 90;
}

/** A letter that begins a word: after anything that is no letter, or a capital inside `camelCase`. */
function beginsWord(before: number, code: number): boolean {
  if (!isLetter(code) || before >= 0x80) return false;
  return !isLetter(before) || (isUpper(code) && !isUpper(before));
}

/** Weight of one byte of text behind another. */
export function byteWeight(before: number, byte: number): number {
  if (isDigit(byte)) return isDigit(before) ? MORE_DIGITS : DIGIT;
  if (isPunctuation(byte)) return isPunctuation(before) ? 0 : PUNCTUATION;
  return (WEIGHT_OF_BYTE[byte] ?? 0) + (beginsWord(before, byte) ? WORD_START : 0);
}

/**
 * Weight of a JSON string's text from `from` to its closing quote, or to the end of what is there.
 *
 * @param text bytes as characters (latin1).
 */
export function jsonStringWeight(text: string, from: number): number {
  let weight = 0;
  let before = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code !== BACKSLASH) {
      weight += byteWeight(before, code & 0xff);
      before = code;
    } else if (text.charCodeAt(at + 1) === LOWER_U) {
      weight += escapedWeight(Number.parseInt(text.slice(at + 2, at + UNICODE_ESCAPE_CHARS), 16));
      at += UNICODE_ESCAPE_CHARS - 1;
      before = 0x80;
    } else {
      weight += ESCAPE;
      before = 0;
      at++;
    }
  }
  return weight;
}

/** Weight of a character that is written as `\uXXXX`. */
function escapedWeight(code: number): number {
  if (!(code >= 0x80)) return ESCAPE;
  if (code < 0x400) return LATIN_ACCENTED;
  if (code < 0x900) return TWO_BYTES;
  if (code < 0x2e80) return INDIC;
  // Two of them make one character.
  return code >= 0xd800 && code < 0xe000 ? FOUR_BYTES / 2 : IDEOGRAPH;
}

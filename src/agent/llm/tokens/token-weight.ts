/**
 * What text comes to in tokens, judged by its bytes alone. The weights were fitted to `o200k_base` over prose in sixteen
 * languages, source code and JSON; test/agent/llm/tokens/estimate.test.ts holds the error that is left. A tokenizer itself is out
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

export const KINDS = 16;
const WHITE_SPACE = 0;
const LOWER = 1;
const UPPER = 2;
const FIGURE = 3;
const MARK = 4;
const CONTINUATION = 5;
/** Kinds of bytes that begin a character outside ASCII, from here on. */
const LEADS = [LATIN_ACCENTED, TWO_BYTES, INDIC, IDEOGRAPH, FOUR_BYTES];

export const KIND_OF_BYTE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => kindOf(byte));
/** Weight of each kind behind each other, by `before * KINDS + kind`, for loops that look at every byte of a text. */
export const WEIGHTS: Float64Array = Float64Array.from({ length: KINDS * KINDS }, (_, pair) =>
  weightOf(Math.floor(pair / KINDS), pair % KINDS),
);

function kindOf(byte: number): number {
  if (byte <= 32) return WHITE_SPACE;
  if (byte >= 97 && byte <= 122) return LOWER;
  if (byte >= 65 && byte <= 90) return UPPER;
  if (byte >= 48 && byte <= 57) return FIGURE;
  if (byte < 0x80) return MARK;
  if (byte < 0xc0) return CONTINUATION;
  const lead = [0xd0, 0xe0, 0xe3, 0xf0].findIndex((above) => byte < above);
  return CONTINUATION + 1 + (lead === -1 ? LEADS.length - 1 : lead);
}

function weightOf(before: number, kind: number): number {
  if (kind === WHITE_SPACE) return WHITE;
  if (kind === FIGURE) return before === FIGURE ? MORE_DIGITS : DIGIT;
  if (kind === MARK) return before === MARK ? 0 : PUNCTUATION;
  if (kind > MARK) return LEADS[kind - CONTINUATION - 1] ?? 0;
  // A word begins after anything that is no letter, and with a capital inside `camelCase`.
  const afterLetter = before >= CONTINUATION || before === LOWER || before === UPPER;
  const inside = before === LOWER && kind === UPPER ? false : afterLetter;
  return LETTER + (inside ? 0 : WORD_START);
}

/**
 * Weight of a JSON string's text from `from` to its closing quote, or to the end of what is there.
 *
 * @param text bytes as characters (latin1).
 */
export function jsonStringWeight(text: string, from: number): number {
  let weight = 0;
  let before = WHITE_SPACE;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code !== BACKSLASH) {
      const kind = KIND_OF_BYTE[code & 0xff] ?? 0;
      weight += WEIGHTS[before * KINDS + kind] ?? 0;
      before = kind;
    } else if (text.charCodeAt(at + 1) === LOWER_U) {
      weight += escapedWeight(Number.parseInt(text.slice(at + 2, at + UNICODE_ESCAPE_CHARS), 16));
      at += UNICODE_ESCAPE_CHARS - 1;
      before = CONTINUATION;
    } else {
      weight += ESCAPE;
      before = WHITE_SPACE;
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

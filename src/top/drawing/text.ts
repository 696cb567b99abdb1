/** What a piece of text means; the palette turns it into a colour, where there are any. */
export type Tone =
  | 'ink'
  | 'strong'
  | 'muted'
  | 'title'
  | 'good'
  | 'warning'
  | 'degraded'
  | 'critical'
  | 'money'
  | 'inverse';

declare const printable: unique symbol;
/** Text without anything that a terminal would obey. Only `clean` makes it. */
export type PrintableText = string & { readonly [printable]: true };

export interface Span {
  readonly text: PrintableText;
  readonly tone: Tone;
}

export type Line = readonly Span[];

/** Longer ones are cut before they are looked at; no terminal shows as much in one line. */
const TEXT_CHARS_MAX = 1000;
const C0_MAX = 0x1f;
const DELETE = 0x7f;
const CONTROL_PICTURES = 0x2400;
const PICTURE_OF_DELETE = '\u2421';
/** Marks on one letter beyond these only serve to paint over other lines. */
const MARKS_MAX = /(\p{M}{2})\p{M}+/gu;
/** Told apart by terminals in different ways, so that widths would be wrong. */
const INVISIBLE = /\p{Cf}|\p{Variation_Selector}/gu;
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** East Asian wide and full width, and emoji: two cells each. */
const WIDE =
  /[\u{1100}-\u{115f}\u{231a}\u{231b}\u{23e9}-\u{23ec}\u{25fd}\u{25fe}\u{2614}\u{2615}\u{2648}-\u{2653}\u{26a1}\u{2705}\u{2728}\u{274c}\u{2753}-\u{2757}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97c}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f7e0}-\u{1f7eb}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO_WIDTH = /[\p{Mn}\p{Me}]/u;

/**
 * Text as it may go to a terminal: names come from outside and may hold escape sequences that recolour, retitle or type.
 * Control characters become their pictures (`␛`), what has no picture becomes `�`, invisible formatting is left out.
 */
export function clean(text: string): PrintableText {
  return text
    .slice(0, TEXT_CHARS_MAX)
    .replace(INVISIBLE, '')
    .replace(UNPRINTABLE, pictureOf)
    .replace(MARKS_MAX, '$1') as PrintableText;
}

function pictureOf(control: string): string {
  const code = control.codePointAt(0) ?? 0;
  if (code <= C0_MAX) return String.fromCodePoint(CONTROL_PICTURES + code);
  return code === DELETE ? PICTURE_OF_DELETE : '\ufffd';
}

export function span(text: string, tone: Tone = 'ink'): Span {
  return { text: clean(text), tone };
}

/** Cells that a printable text takes in a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

function cellsOf(character: string): number {
  if (character <= '~') return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** The text in at most `width` cells; what does not fit ends in `…`. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const cells = cellsOf(character);
    if (used + cells > width - 1) break;
    kept += character;
    used += cells;
  }
  return width > 0 ? `${kept}…` : '';
}

/** The line in exactly `width` cells: cut, or filled with spaces. */
export function fitted(line: Line, width: number): Line {
  const spans: Span[] = [];
  let left = width;
  for (const { text, tone } of line) {
    if (left <= 0) break;
    const part = clip(text, left);
    spans.push(span(part, tone));
    left -= widthOf(part);
    if (part !== text) break;
  }
  if (left > 0) spans.push(span(' '.repeat(left)));
  return spans;
}

/** The span in exactly `width` cells. */
export function pad({ text, tone }: Span, width: number, align: 'left' | 'right'): Span {
  const part = clip(text, width);
  const space = ' '.repeat(width - widthOf(part));
  return span(align === 'left' ? `${part}${space}` : `${space}${part}`, tone);
}

/** A sentence in lines of at most `width` cells, broken between words. */
export function paragraph(text: string, width: number, tone: Tone = 'ink'): readonly Line[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last !== undefined && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => [span(line, tone)]);
}

const SEPARATOR = span(' · ', 'muted');

/** Parts joined by ` · `; those that do not fit whole into `width` cells are left out from the end. */
export function joined(parts: readonly Line[], width: number): Line {
  return wrapped(parts, width)[0] ?? [];
}

/** Parts joined by ` · ` in lines of at most `width` cells; a part is never torn. */
export function wrapped(parts: readonly Line[], width: number): readonly Line[] {
  const lines: Span[][] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const room = last === undefined ? 0 : width - lineWidth(last) - widthOf(SEPARATOR.text);
    if (last !== undefined && lineWidth(part) <= room) last.push(SEPARATOR, ...part);
    else lines.push([...part]);
  }
  return lines;
}

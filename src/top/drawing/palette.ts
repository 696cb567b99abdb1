import type { Line, Tone } from './text.ts';

/** Bits per colour that the terminal shows: none, 16 colours, 256, or all. */
export type ColorDepth = 1 | 4 | 8 | 24;

const RESET = '\x1b[0m';
const BOLD = '1';
const DIM = '2';
const INVERSE = '7';

interface Shades {
  readonly rgb: string;
  readonly of256: string;
  readonly of16: string;
}

/** The dashboard's dark theme, and what comes nearest to it. */
const SHADES = {
  green: { rgb: '0;255;65', of256: '46', of16: '92' },
  cyan: { rgb: '0;255;255', of256: '51', of16: '96' },
  amber: { rgb: '255;200;0', of256: '220', of16: '93' },
  orange: { rgb: '255;140;0', of256: '208', of16: '33' },
  red: { rgb: '255;92;138', of256: '204', of16: '91' },
  magenta: { rgb: '255;92;255', of256: '207', of16: '95' },
} as const satisfies Readonly<Record<string, Shades>>;

/** Plain ink is the terminal's own, and muted text its dimmed one: whether the background is dark is not known. */
const STYLES: Readonly<Record<Tone, readonly (Shades | string)[]>> = {
  ink: [],
  strong: [BOLD],
  muted: [DIM],
  title: [BOLD, SHADES.cyan],
  good: [SHADES.green],
  warning: [SHADES.amber],
  degraded: [BOLD, SHADES.orange],
  critical: [BOLD, SHADES.red],
  money: [SHADES.magenta],
  inverse: [INVERSE],
};

/** Turns lines into what is written. With a depth of 1 that is their text and nothing else. */
export function createPainter(depth: ColorDepth): (line: Line) => string {
  return (line) => line.map(({ text, tone }) => painted(text, STYLES[tone], depth)).join('');
}

function painted(text: string, style: readonly (Shades | string)[], depth: ColorDepth): string {
  if (depth === 1 || style.length === 0 || text === '') return text;
  const codes = style.map((part) => (typeof part === 'string' ? part : foreground(part, depth)));
  return `\x1b[${codes.join(';')}m${text}${RESET}`;
}

function foreground({ rgb, of256, of16 }: Shades, depth: ColorDepth): string {
  if (depth === 24) return `38;2;${rgb}`;
  return depth === 8 ? `38;5;${of256}` : of16;
}

import type { SeriesColor } from './series.ts';
import type { ChartTone } from './spec.ts';

/** The theme's colours as a canvas needs them. */
export interface ChartPalette {
  readonly ink: string;
  readonly faint: string;
  readonly grid: string;
  readonly surface: string;
  series(color: SeriesColor): string;
  tone(tone: ChartTone): string;
}

/** Read from the style sheet, the one place where colours are. */
export function paletteOf(element: Element): ChartPalette {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim() || '#888888';
  return {
    ink: read('--ink'),
    faint: read('--faint'),
    grid: read('--grid'),
    surface: read('--chart-surface'),
    series: (color) => read(`--series-${color}`),
    tone: (tone) => read(`--tone-${tone}`),
  };
}

/** A `#rrggbb` or `#rgb`, as style sheets are shortened to, with that much opacity, 0 to 1. */
export function faded(color: string, opacity: number): string {
  const alpha = Math.round(Math.min(Math.max(opacity, 0), 1) * 255);
  const long = color.length === 4 ? color.replace(/[\da-f]/gi, '$&$&') : color;
  return `${long}${alpha.toString(16).padStart(2, '0')}`;
}

import { type Line, span, type Tone } from './text.ts';

const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const FULL = '█';
const TRACK = '░';
const WARNING_PERCENT = 70;
const CRITICAL_PERCENT = 90;

/**
 * The last `width` values as a line of blocks, from 0 to `max`, or to the largest of them. `null` is a gap. Empty below
 * two values: one says nothing about a course.
 */
export function sparkline(values: readonly (number | null)[], width: number, max?: number): string {
  const shown = values.slice(-width);
  if (shown.length < 2) return '';
  const top = max ?? Math.max(...shown.map((value) => value ?? 0));
  return shown.map((value) => (value === null ? ' ' : levelOf(value, top))).join('');
}

/** Cells for a course beside other facts. */
export function trendWidth(width: number): number {
  return width < 100 ? 10 : 20;
}

function levelOf(value: number, top: number): string {
  const share = top > 0 ? Math.min(Math.max(value / top, 0), 1) : 0;
  return LEVELS[Math.round(share * (LEVELS.length - 1))] ?? LEVELS[0];
}

/** `████░░░░`: the share told by shape, its level by the tone. */
export function meter(percent: number, width: number, tone: Tone): Line {
  const filled = Math.round((Math.min(Math.max(percent, 0), 100) / 100) * width);
  return [span(FULL.repeat(filled), tone), span(TRACK.repeat(width - filled), 'muted')];
}

/** What a share of a resource means: above 70 a warning, above 90 critical. */
export function resourceTone(percent: number): Tone {
  if (percent > CRITICAL_PERCENT) return 'critical';
  return percent > WARNING_PERCENT ? 'warning' : 'good';
}

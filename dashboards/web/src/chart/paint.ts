import type uPlot from 'uplot';
import { type ChartPalette, faded } from './palette.ts';
import type { ChartHeat, ChartSpec } from './spec.ts';

const LABEL_FONT_PX = 10;
const LABEL_ROWS_MAX = 4;

/** Marked stretches of time, behind the lines: filled, edged, and named where there is room. */
export function paintBands(plot: uPlot, { bands }: ChartSpec, palette: ChartPalette): void {
  const { ctx, bbox } = plot;
  /** Where the last name of each row of names ends: those of alerts that fired together stand below each other. */
  const rowEnds: number[] = [];
  for (const { fromMs, toMs, label, tone } of bands) {
    const left = Math.max(plot.valToPos(fromMs / 1000, 'x', true), bbox.left);
    const right = Math.min(plot.valToPos(toMs / 1000, 'x', true), bbox.left + bbox.width);
    if (right <= left) continue;
    const color = palette.tone(tone);
    ctx.save();
    ctx.fillStyle = faded(color, 0.12);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.fillStyle = color;
    ctx.fillRect(left, bbox.top, right - left, 2 * devicePixelRatio);
    const row = firstFree(rowEnds, left);
    if (row < LABEL_ROWS_MAX) {
      const top = bbox.top + (14 + row * 13) * devicePixelRatio;
      rowEnds[row] = left + write(plot, label, { left: left + 4, top, room: right - left, color });
    }
    ctx.restore();
  }
}

/** Values that matter, in front of the lines: dashed, with their names. */
export function paintThresholds(plot: uPlot, { thresholds, heat }: ChartSpec, palette: ChartPalette): void {
  if (heat !== null) return;
  const { ctx, bbox } = plot;
  for (const { value, label, tone } of thresholds) {
    const top = plot.valToPos(value, 'y', true);
    if (top < bbox.top || top > bbox.top + bbox.height) continue;
    const color = palette.tone(tone);
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, top);
    ctx.lineTo(bbox.left + bbox.width, top);
    ctx.stroke();
    write(plot, label, { left: bbox.left + 4, top: top - 4, room: bbox.width, color });
    ctx.restore();
  }
}

interface Place {
  readonly left: number;
  readonly top: number;
  /** What does not fit is left out: half a name misleads. */
  readonly room: number;
  readonly color: string;
}

/** @returns how much room it took: none when it was left out. */
function write({ ctx }: uPlot, text: string, { left, top, room, color }: Place): number {
  ctx.font = `${LABEL_FONT_PX * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  ctx.fillStyle = color;
  const width = ctx.measureText(text).width + 8;
  if (width > room) return 0;
  ctx.fillText(text, left, top);
  return width;
}

function firstFree(ends: readonly number[], left: number): number {
  const row = ends.findIndex((end) => end <= left);
  return row === -1 ? ends.length : row;
}

const STRIPE_PX = 6;
const STRIPE_GAP_PX = 2.5;

/**
 * Marks the step under way: what is drawn of it is striped, so that a line is dashed and a bar hatched. A line goes from the
 * beginning of one step to that of the next, a bar from the beginning of its own on.
 */
export function paintPartial(plot: uPlot, { kind, partialFrom, heat, compact }: ChartSpec): void {
  if (partialFrom === null || heat !== null || compact) return;
  const [times = []] = plot.data;
  const under = times.findIndex((time) => time >= partialFrom);
  const from = kind === 'bars' ? times[under] : times[under - 1];
  if (from === undefined) return;
  const { ctx, bbox } = plot;
  const left = Math.max(plot.valToPos(from, 'x', true), bbox.left);
  const right = kind === 'bars' ? bbox.left + bbox.width : plot.valToPos(times.at(-1) ?? from, 'x', true);
  if (right <= left) return;
  const period = STRIPE_PX * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  // Taken away down to whatever is below the canvas: that has the colour of the panel in each theme.
  ctx.globalCompositeOperation = 'destination-out';
  ctx.lineWidth = STRIPE_GAP_PX * devicePixelRatio;
  ctx.beginPath();
  for (let at = left - bbox.height; at < right; at += period) {
    ctx.moveTo(at, bbox.top + bbox.height);
    ctx.lineTo(at + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

/** A cell per bucket of time and row of values; few against many is told by opacity, on a root scale so that few are seen. */
export function paintHeat(plot: uPlot, { heat }: ChartSpec, palette: ChartPalette): void {
  if (heat === null) return;
  const most = highestOf(heat);
  const color = palette.series('cyan');
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  heat.timesMs.forEach((timeMs, column) => {
    const left = plot.valToPos(timeMs / 1000, 'x', true);
    const right = plot.valToPos((timeMs + heat.stepMs) / 1000, 'x', true);
    (heat.counts[column] ?? []).forEach((count, row) => {
      if (count <= 0) return;
      const bottom = plot.valToPos(row, 'y', true);
      const top = plot.valToPos(row + 1, 'y', true);
      ctx.fillStyle = faded(color, 0.12 + 0.88 * Math.sqrt(count / most));
      ctx.fillRect(left, top, Math.max(right - left - 1, 1), Math.max(bottom - top - 1, 1));
    });
  });
  ctx.restore();
}

export function highestOf({ counts }: ChartHeat): number {
  return counts.reduce((most, column) => column.reduce((a, b) => Math.max(a, b), most), 1);
}

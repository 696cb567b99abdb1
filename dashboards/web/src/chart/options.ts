import uPlot from 'uplot';
import { type AxisTicks, axisTicks } from './axis.ts';
import { paintBands, paintHeat, paintPartial, paintThresholds } from './paint.ts';
import { type ChartPalette, faded } from './palette.ts';
import { type ChartSeries, DASHES, isBlank } from './series.ts';
import type { ChartHeat, ChartSpec } from './spec.ts';

export interface PlotContext {
  readonly width: number;
  readonly height: number;
  readonly palette: ChartPalette;
  /** Charts with the same key share their cursor; `null`: alone. */
  readonly syncKey: string | null;
  readonly spec: () => ChartSpec;
  readonly onPoint: (index: number | null) => void;
  /** Absent: nothing can be dragged. In milliseconds since 1970. */
  readonly onZoom?: ((fromMs: number, toMs: number) => void) | undefined;
  readonly onZoomOut?: (() => void) | undefined;
}

const AXIS_FONT = '11px system-ui, sans-serif';
/** A drag shorter than so many pixels was a click. */
const DRAG_MIN_PX = 6;
const LINE_WIDTH = 2;
const LINE_WIDTH_BEFORE = 1.5;
/** So many points are closer to each other than a line is thick. */
const DENSE_POINTS = 500;
const LINE_WIDTH_DENSE = 1.25;
const BEFORE_OPACITY = 0.7;
const HEAT_LABELS = 6;
/** A time axis that is shorter, in seconds, has labels with seconds, which take more room. */
const SECONDS_SHOWN_BELOW = 600;
const LABEL_SECONDS_PX = 64;
const LABEL_MINUTES_PX = 44;
/** Of CSS pixels an axis has so many per label at least. */
const LABEL_EVERY_PX = 30;

/** uPlot's options for a chart. What changes without the chart being built anew is asked for at each drawing. */
export function plotOptions(context: PlotContext): uPlot.Options {
  const { width, height, spec, syncKey, onZoom, onPoint } = context;
  const { compact, heat, kind } = spec();
  return {
    width,
    height,
    legend: { show: false },
    padding: compact ? [4, 0, 0, 0] : [8, 24, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), spec().zone.name),
    cursor: {
      y: false,
      drag: { x: onZoom !== undefined, y: false, setScale: false, dist: DRAG_MIN_PX },
      points: { size: 7 },
      ...(syncKey === null ? {} : { sync: { key: syncKey, setSeries: false, scales: ['x', null] } }),
      bind: { dblclick: () => () => zoomOut(context) },
    },
    scales: {
      x: { time: true, range: () => timeRange(spec()) },
      y: { range: (plot) => valueRange(spec(), highestOf(plot)) },
    },
    axes: axes(context),
    series: [
      {},
      ...(heat === null ? lines(context) : [{ show: true, paths: () => null, points: { show: false } }]),
    ],
    ...(kind === 'stacked' && heat === null ? { bands: stackBands(context) } : {}),
    hooks: {
      setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)],
      setSelect: [(plot) => select(plot, context)],
      drawClear: [(plot) => paintBands(plot, spec(), context.palette)],
      draw: [
        (plot) => {
          paintPartial(plot, spec());
          paintHeat(plot, spec(), context.palette);
          paintThresholds(plot, spec(), context.palette);
        },
      ],
    },
  };
}

function zoomOut({ onZoomOut }: PlotContext): null {
  onZoomOut?.();
  return null;
}

function timeRange({ stretch }: ChartSpec): [number, number] {
  return [stretch.fromMs / 1000, stretch.toMs / 1000];
}

/** Of all that is drawn, what begins before the range and leads into it as well. */
function highestOf({ data, series }: uPlot): number {
  let highest = 0;
  data.forEach((values, which) => {
    if (which === 0 || series[which]?.show === false) return;
    for (const value of values) if (typeof value === 'number' && value > highest) highest = value;
  });
  return highest;
}

function valueRange({ max, heat, thresholds }: ChartSpec, high: number): [number, number] {
  if (heat !== null) return [0, Math.max(heat.bounds.length - 1, 1)];
  if (max !== null) return [0, max];
  // A little headroom, never an axis of zero height, and the thresholds in sight.
  const highest = Math.max(high, ...thresholds.map(({ value }) => value));
  return [0, highest > 0 ? highest * 1.15 : 1];
}

function lines({ palette, spec }: PlotContext): uPlot.Series[] {
  const { kind, series } = spec();
  return series.map((line, which) => {
    const own = palette.series(line.color);
    const color = line.isBefore === true ? faded(own, BEFORE_OPACITY) : own;
    const dash = DASHES[line.dash ?? 0] ?? [];
    return {
      label: line.label,
      stroke: color,
      width:
        line.isBefore === true ? LINE_WIDTH_BEFORE : isDense(line.values) ? LINE_WIDTH_DENSE : LINE_WIDTH,
      dash: [...dash],
      spanGaps: false,
      ...fillOf(spec(), color, which),
      ...(kind === 'bars' && line.isOverlay !== true ? barsLook(which, series.length) : {}),
      points: { show: kind !== 'bars' || line.isOverlay === true, filter: lonePoints, size: 5, fill: color },
    };
  });
}

export function isDense({ length }: readonly unknown[]): boolean {
  return length > DENSE_POINTS;
}

function fillOf({ kind, series }: ChartSpec, color: string, which: number): Pick<uPlot.Series, 'fill'> {
  if (series[which]?.isOverlay === true || series[which]?.isBefore === true) return {};
  if (kind === 'bars') return { fill: faded(color, 0.75) };
  if (kind === 'stacked') return which === 0 ? { fill: faded(color, 0.35) } : {};
  const among = series.filter(({ isBefore }) => isBefore !== true).length;
  const isFilled = kind === 'area' || among <= 2;
  return isFilled ? { fill: gradient(color, among > 1 ? 0.08 : 0.22) } : {};
}

function barsLook(which: number, among: number): Pick<uPlot.Series, 'paths' | 'width'> {
  const paths = uPlot.paths.bars?.({
    size: [0.8 / among, 40],
    align: among === 1 ? 1 : which === 0 ? 1 : -1,
  });
  return paths === undefined ? { width: 0 } : { paths, width: 0 };
}

/** A value between two gaps has no line: it is drawn as a point. */
function lonePoints(plot: uPlot, which: number): number[] {
  const values = plot.data[which] ?? [];
  const lone: number[] = [];
  values.forEach((value, index) => {
    if (typeof value === 'number' && values[index - 1] == null && values[index + 1] == null) lone.push(index);
  });
  return lone;
}

function stackBands({ palette, spec }: PlotContext): uPlot.Band[] {
  return spec()
    .series.filter(({ isOverlay }) => isOverlay !== true)
    .slice(1)
    .map((line: ChartSeries, index) => ({
      series: [index + 2, index + 1],
      fill: faded(palette.series(line.color), 0.35),
    }));
}

function gradient(color: string, opacity: number): (plot: uPlot) => CanvasGradient | string {
  return (plot) => {
    const { top, height } = plot.bbox;
    if (!Number.isFinite(top) || !Number.isFinite(height)) return 'transparent';
    const fill = plot.ctx.createLinearGradient(0, top, 0, top + height);
    fill.addColorStop(0, faded(color, opacity));
    fill.addColorStop(1, faded(color, 0));
    return fill;
  };
}

function axes({ palette, spec }: PlotContext): uPlot.Axis[] {
  if (spec().compact) return [{ show: false }, { show: false }];
  const shared = { stroke: palette.faint, font: AXIS_FONT, ticks: { show: false } };
  return [
    {
      ...shared,
      grid: { show: false },
      size: 30,
      space: (_plot, _axis, low, high, plotWidth) =>
        Math.max(plotWidth / 7, high - low < SECONDS_SHOWN_BELOW ? LABEL_SECONDS_PX : LABEL_MINUTES_PX),
      values: (_plot, splits) => tickTexts(splits, spec()),
    },
    {
      ...shared,
      grid: { stroke: palette.grid, width: 1 },
      size: 68,
      splits: (plot) => [...valueTicks(plot, spec()).values],
      values: (plot) => [...valueTicks(plot, spec()).texts],
    },
  ];
}

/** What stands at the value axis: nothing where nothing is drawn. */
function valueTicks({ bbox, scales }: uPlot, { heat, series, max, thresholds }: ChartSpec): AxisTicks {
  if (heat !== null) return heatTicks(heat);
  if (isBlank(series) && max === null) return { values: [], texts: [] };
  const isFlat =
    max === null && thresholds.length === 0 && !series.some(({ values }) => values.some((value) => value));
  const high = isFlat ? 0 : (scales['y']?.max ?? 0);
  const ticksMax = Math.floor(bbox.height / devicePixelRatio / LABEL_EVERY_PX);
  return axisTicks(high, { unit: series[0]?.unit ?? '', ticksMax, isWhole: max === null && isWhole(series) });
}

function isWhole(series: readonly ChartSeries[]): boolean {
  return series.every(({ values }) => values.every((value) => value == null || Number.isInteger(value)));
}

/** The rows of a heatmap are as high as each other, whatever their bounds: about six of these are labelled. */
function heatTicks({ bounds, format }: ChartHeat): AxisTicks {
  const rows = Math.max(bounds.length - 1, 1);
  const every = Math.ceil(rows / HEAT_LABELS);
  const values = Array.from({ length: Math.floor(rows / every) + 1 }, (_, index) => index * every);
  const texts = values.map((row) => format(bounds[row] ?? 0));
  return { values, texts: texts.map((text, index) => (text === texts[index - 1] ? '' : text)) };
}

function tickTexts(splits: readonly number[], { zone }: ChartSpec): string[] {
  const [first = 0, second = first + 60] = splits;
  const stepMs = (second - first) * 1000;
  return splits.map((seconds) => zone.tick(seconds * 1000, stepMs));
}

function select(plot: uPlot, { onZoom }: PlotContext): void {
  const { left, width } = plot.select;
  if (width < DRAG_MIN_PX || onZoom === undefined) return;
  const fromMs = plot.posToVal(left, 'x') * 1000;
  const toMs = plot.posToVal(left + width, 'x') * 1000;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom(fromMs, toMs);
}

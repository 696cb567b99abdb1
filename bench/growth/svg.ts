import type { Curve, Line, Panel, Point, Series } from './curve.ts';

const WIDTH = 760;
const HEIGHT = 300;
const PLOT = { top: 60, bottom: 246, gap: 64, left: 60, right: 16 } as const;
/** Readable on white and on the near-black of GitHub's dark theme alike, so that no theme has to be known. */
const INK = '#7d8590';
const FAINT = '#7d859040';
const LIMIT = '#e5534b';
const COLORS = ['#2f81f7', '#c69026', '#3fb950', '#a371f7'];
const FONT = 'font-family="-apple-system,Segoe UI,Helvetica,Arial,sans-serif" font-size="11"';

/** A logarithmic axis from the decade below the least to the one above the most. */
export interface Axis {
  readonly decades: readonly number[];
  /** @returns where a value is, from 0 to 1. */
  place(value: number): number;
}

export function axisOf(values: readonly number[]): Axis {
  const usable = values.filter((value) => Number.isFinite(value) && value > 0);
  const least = Math.floor(Math.log10(Math.min(...usable, 1e9)) + 1e-9);
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...usable, 1e-9)) - 1e-9));
  const decades = Array.from({ length: most - least + 1 }, (_, step) => 10 ** (least + step));
  return { decades, place: (value) => (Math.log10(value) - least) / (most - least) };
}

/** The curve as a drawing of its panels beside each other. */
export function svgOf({ title, x, panels, bounds = [] }: Curve): string {
  const width = (WIDTH - PLOT.gap * (panels.length - 1)) / panels.length;
  const drawn = panels.map((panel, index) =>
    panelOf({ panel, x, bounds, from: index * (width + PLOT.gap), width }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" ${FONT} fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    ...drawn.flat(),
    '</svg>\n',
  ].join('\n');
}

interface Place {
  readonly panel: Panel;
  readonly x: string;
  readonly bounds: readonly Line[];
  readonly from: number;
  readonly width: number;
}

interface Frame {
  readonly left: number;
  readonly right: number;
  at(point: Point): Point;
  readonly xs: Axis;
  readonly ys: Axis;
}

function panelOf({ panel, x, bounds, from, width }: Place): string[] {
  const points = panel.series.flatMap((series) => series.points);
  const xs = axisOf([...points.map((point) => point.x), ...bounds.map(({ at }) => at)]);
  const ys = axisOf([...points.map((point) => point.y), ...(panel.budgets ?? []).map(({ at }) => at)]);
  const [left, right] = [from + PLOT.left, from + width - PLOT.right];
  const at = ({ x, y }: Point) => ({
    x: left + xs.place(x) * (right - left),
    y: PLOT.bottom - ys.place(y) * (PLOT.bottom - PLOT.top),
  });
  const frame: Frame = { left, right, at, xs, ys };
  return [
    ...gridOf(frame),
    text(x, { x: (left + right) / 2, y: HEIGHT - 14 }, 'middle'),
    text(panel.y, { x: from + 4, y: 16 }, 'start'),
    ...boundsOf(frame, bounds),
    ...budgetsOf(frame, panel.budgets ?? []),
    ...panel.series.flatMap((series, index) => seriesOf(frame, series, COLORS[index % COLORS.length] ?? INK)),
    ...legendOf(frame, panel.series),
  ];
}

function gridOf({ left, right, at, xs, ys }: Frame): string[] {
  const [x0 = 1] = xs.decades;
  const [y0 = 1] = ys.decades;
  return [
    ...ys.decades.flatMap((decade) => {
      const { y } = at({ x: x0, y: decade });
      return [
        line({ x: left, y }, { x: right, y }, FAINT),
        text(short(decade), { x: left - 6, y: y + 4 }, 'end'),
      ];
    }),
    ...xs.decades.flatMap((decade) => {
      const { x } = at({ x: decade, y: y0 });
      return [
        line({ x, y: PLOT.top }, { x, y: PLOT.bottom }, FAINT),
        text(short(decade), { x, y: PLOT.bottom + 16 }, 'middle'),
      ];
    }),
  ];
}

function boundsOf({ at, ys }: Frame, bounds: readonly Line[]): string[] {
  const [y0 = 1] = ys.decades;
  return bounds.flatMap(({ name, at: bound }) => {
    const { x } = at({ x: bound, y: y0 });
    return [
      line({ x, y: PLOT.top }, { x, y: PLOT.bottom }, LIMIT, true),
      text(name, { x: x - 4, y: PLOT.bottom - 6 }, 'end', LIMIT),
    ];
  });
}

function budgetsOf({ left, right, at, xs }: Frame, budgets: readonly Line[]): string[] {
  const [x0 = 1] = xs.decades;
  return budgets.flatMap(({ name, at: budget }) => {
    const { y } = at({ x: x0, y: budget });
    return [
      line({ x: left, y }, { x: right, y }, LIMIT, true),
      text(name, { x: left + 4, y: y - 4 }, 'start', LIMIT),
    ];
  });
}

function seriesOf({ at }: Frame, { points }: Series, color: string): string[] {
  const drawn = points.filter(({ y }) => Number.isFinite(y) && y > 0).map(at);
  const path = drawn.map(({ x, y }) => `${pixel(x)},${pixel(y)}`).join(' ');
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...drawn.map(({ x, y }) => `<circle cx="${pixel(x)}" cy="${pixel(y)}" r="3" fill="${color}"/>`),
  ];
}

/** A row above the plot: one entry needs none, the axis says what it is. */
function legendOf({ left }: Frame, series: readonly Series[]): string[] {
  if (series.length < 2) return [];
  let x = left;
  return series.flatMap(({ name }, index) => {
    const from = x;
    x += 24 + name.length * 6;
    const dot = `<circle cx="${pixel(from + 4)}" cy="32" r="4" fill="${COLORS[index % COLORS.length]}"/>`;
    return [dot, text(name, { x: from + 12, y: 36 }, 'start')];
  });
}

function line(from: Point, to: Point, color: string, dashed = false): string {
  const dashes = dashed ? ' stroke-dasharray="4 3"' : '';
  return `<line x1="${pixel(from.x)}" y1="${pixel(from.y)}" x2="${pixel(to.x)}" y2="${pixel(to.y)}" stroke="${color}"${dashes}/>`;
}

function text(content: string, { x, y }: Point, anchor: 'start' | 'middle' | 'end', color?: string): string {
  const fill = color === undefined ? '' : ` fill="${color}"`;
  return `<text x="${pixel(x)}" y="${pixel(y)}" text-anchor="${anchor}"${fill}>${escaped(content)}</text>`;
}

const pixel = (value: number) => String(Math.round(value * 10) / 10);

/** `0.1`, `10`, `1k`, `10M`. */
function short(value: number): string {
  if (value >= 1e9) return `${value / 1e9}G`;
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}k`;
  return String(Number(value.toPrecision(1)));
}

function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

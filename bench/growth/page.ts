import { round } from '../measure.ts';
import type { Curve, Point } from './curve.ts';

/** The page with this block for the curve of that name; everything else there is written by hand. */
export function withBlock(page: string, name: string, block: string): string {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`The page has no place for ${name}: "${begin}${end}" is missing.`);
  return `${page.slice(0, from)}${begin}${block}${page.slice(to)}`;
}

/** What the page says of a curve. */
export function blockOf(name: string, curve: Curve, circumstances: string): string {
  return [
    `![${curve.title}](growth/${name}.svg)`,
    `${curve.title}.`,
    `**First limit**: ${curve.limit}`,
    tableOf(curve),
    `${circumstances}\n`,
  ].join('\n\n');
}

function tableOf({ x, panels }: Curve): string {
  const columns = panels.flatMap(({ y, series }) =>
    series.map(({ name, points }) => ({ head: series.length > 1 ? `${y}: ${name}` : y, points })),
  );
  const cellOf = (points: readonly Point[], at: number) => {
    const y = points.find((point) => point.x === at)?.y ?? Number.NaN;
    return Number.isFinite(y) ? round(y) : '';
  };
  const rows = (columns[0]?.points ?? []).map(({ x: at }) => [
    at.toLocaleString('en'),
    ...columns.map(({ points }) => cellOf(points, at)),
  ]);
  const lines = [[x, ...columns.map(({ head }) => head)], columns.map(() => '---').concat('---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

// What things cost as they grow: routes, viewers, instances, events, rows, each on the real thing, as a drawing and a table.
// `--write` puts them into `docs/growth.md` and the folder beside it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { circumstances } from './circumstances.ts';
import type { Figure } from './figure.ts';
import type { Curve } from './growth/curve.ts';
import { eventsCurve } from './growth/events.ts';
import { instancesCurve } from './growth/instances.ts';
import { blockOf, withBlock } from './growth/page.ts';
import { routesCurve } from './growth/routes.ts';
import { rowsCurve } from './growth/rows.ts';
import { svgOf } from './growth/svg.ts';
import { viewersCurve } from './growth/viewers.ts';
import { round } from './measure.ts';

const DOCS = join(import.meta.dirname, '..', 'docs');
const PAGE = join(DOCS, 'growth.md');

/** By the name of the drawing, in the order of the page. */
export const CURVES: Readonly<Record<string, () => Promise<Curve>>> = {
  routes: routesCurve,
  viewers: viewersCurve,
  instances: instancesCurve,
  events: eventsCurve,
  rows: rowsCurve,
};

export async function run({ write = false } = {}): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(CURVES)) {
    const place = circumstances();
    const curve = await measure();
    if (write) put(name, curve, place);
    figures.push(...figuresOf(curve));
  }
  return figures;
}

function put(name: string, curve: Curve, place: string): void {
  mkdirSync(join(DOCS, 'growth'), { recursive: true });
  writeFileSync(join(DOCS, 'growth', `${name}.svg`), svgOf(curve));
  writeFileSync(PAGE, withBlock(readFileSync(PAGE, 'utf8'), name, blockOf(name, curve, place)));
}

function figuresOf({ title, x, panels, limit }: Curve): Figure[] {
  return panels.flatMap(({ y, series }) =>
    series.map(({ name, points }) => {
      const [first, last] = [points[0], points.at(-1)];
      const at = (point = first) => `${round(point?.y ?? Number.NaN)} at ${point?.x.toLocaleString('en')}`;
      return {
        what: `${title}: ${y}${series.length > 1 ? ` (${name})` : ''} by ${x}`,
        ours: `${at(first)}, ${at(last)}`,
        raw: `first limit: ${limit}`,
      };
    }),
  );
}

import { type ChartFigures, totalOf } from './series.ts';
import type { ChartKind } from './spec.ts';

/** The period before is dashed, in the colour of now. */
export const BEFORE_DASH = 2;

/** What was before, to be drawn over `now`: line for line, or the whole as one where parts are stacked. */
export function earlierFigures(part: ChartFigures, now: ChartFigures, kind: ChartKind): ChartFigures {
  if (kind === 'stacked' || kind === 'bars')
    return totalOf(part, {
      label: now.series.length > 1 ? 'All, before' : 'Before',
      color: 'violet',
      dash: BEFORE_DASH,
    });
  // Groups come in the order of their size, which was another one then.
  const looks = new Map(now.series.map(({ label, color }) => [label, color]));
  return {
    ...part,
    series: part.series.map((line) => ({
      ...line,
      label: `${line.label}, before`,
      color: looks.get(line.label) ?? line.color,
      dash: BEFORE_DASH,
      isBefore: true,
    })),
  };
}

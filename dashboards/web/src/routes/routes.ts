import type { HistoryAnswer } from '../../../../src/core/history/query.ts';

/** One route over the range that is shown. */
export interface RouteFigures {
  /** `<other>` stands for all past the busiest 50. */
  readonly route: string;
  readonly requests: number;
  readonly perSecond: number;
  readonly errors: number;
  /** In percent of the requests. */
  readonly errorRate: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Requests per second, step by step. */
  readonly trend: readonly number[];
}

export interface RouteAnswers {
  readonly count: HistoryAnswer | null;
  readonly errors: HistoryAnswer | null;
  readonly p50: HistoryAnswer | null;
  readonly p95: HistoryAnswer | null;
  readonly p99: HistoryAnswer | null;
  readonly trend: HistoryAnswer | null;
}

export const SORTS = ['route', 'requests', 'errors', 'p50', 'p95', 'p99'] as const;
export type RouteSort = (typeof SORTS)[number];

const PERCENT = 100;

/** @param spanSeconds the length of the range, over which the rate is. */
export function routesOf(answers: RouteAnswers, spanSeconds: number): RouteFigures[] {
  const { count, trend } = answers;
  const of = {
    errors: firstByRoute(answers.errors),
    p50: firstByRoute(answers.p50),
    p95: firstByRoute(answers.p95),
    p99: firstByRoute(answers.p99),
  };
  const trends = new Map((trend?.series ?? []).map((series) => [routeOf(series), series.points]));
  return [...firstByRoute(count)].map(([route, requests]) => {
    const errors = of.errors.get(route) ?? 0;
    return {
      route,
      requests: requests ?? 0,
      perSecond: (requests ?? 0) / spanSeconds,
      errors,
      errorRate: requests ? (errors / requests) * PERCENT : 0,
      p50: of.p50.get(route) ?? null,
      p95: of.p95.get(route) ?? null,
      p99: of.p99.get(route) ?? null,
      trend: (trends.get(route) ?? []).map(([, value]) => value ?? 0),
    };
  });
}

/** As the address says it: a minus in front for the largest first. What it does not know sorts by requests. */
export function sortOf(text: string): { readonly by: RouteSort; readonly isDescending: boolean } {
  const by = SORTS.find((one) => one === text.replace(/^-/, ''));
  return by === undefined
    ? { by: 'requests', isDescending: true }
    : { by, isDescending: text.startsWith('-') };
}

/** Routes with the text in them, in order; a figure that is not known comes last either way. */
export function chosenRoutes(routes: readonly RouteFigures[], sort: string, text: string): RouteFigures[] {
  const { by, isDescending } = sortOf(sort);
  const wanted = text.toLowerCase();
  const direction = isDescending ? -1 : 1;
  return routes
    .filter(({ route }) => route.toLowerCase().includes(wanted))
    .sort((a, b) => {
      if (by === 'route') return direction * (a.route < b.route ? -1 : 1);
      const [left, right] = [a[by], b[by]];
      if (left === null || right === null) return Number(left === null) - Number(right === null);
      return direction * (left - right) || (a.route < b.route ? -1 : 1);
    });
}

/** A line from left to right within a box of that size, the most at its top; empty for fewer than two points. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  const most = Math.max(...values, 0);
  if (values.length < 2 || most === 0) return '';
  const step = width / (values.length - 1);
  return values
    .map((value, index) => `${(index * step).toFixed(1)},${(height - (value / most) * height).toFixed(1)}`)
    .join(' ');
}

function firstByRoute(answer: HistoryAnswer | null): Map<string, number | null> {
  return new Map((answer?.series ?? []).map((series) => [routeOf(series), series.points[0]?.[1] ?? null]));
}

function routeOf({ group }: HistoryAnswer['series'][number]): string {
  return group['endpoint'] ?? '(none)';
}

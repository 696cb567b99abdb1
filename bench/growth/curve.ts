/** One line of a panel. */
export interface Series {
  readonly name: string;
  /** In the order of x; where y is 0 or no number there is no point. */
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A limit or budget, as a line across the panel. */
export interface Line {
  readonly name: string;
  readonly at: number;
}

/** Both axes are logarithmic. */
export interface Panel {
  /** What y is, with its unit. */
  readonly y: string;
  readonly series: readonly Series[];
  readonly budgets?: readonly Line[];
}

/** What something costs as one thing grows. */
export interface Curve {
  readonly title: string;
  /** What grows, with its unit. */
  readonly x: string;
  readonly panels: readonly Panel[];
  /** Bounds that x meets. */
  readonly bounds?: readonly Line[];
  /** The first limit that is met on the way, in a sentence. */
  readonly limit: string;
}

/** The x and y of whatever was measured at each step. */
export function seriesOf<T extends { readonly x: number }>(
  name: string,
  steps: readonly T[],
  y: (step: T) => number,
): Series {
  return { name, points: steps.map((step) => ({ x: step.x, y: y(step) })) };
}

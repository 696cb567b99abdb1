/** What history can be grouped and filtered by: a name that some signal declares, such as `endpoint` or `department`. */
export type Dimension = string;

/**
 * How a measure follows from what one bucket holds: a distribution of the field (count, sum, min, max, histogram) and
 * named sums. Everything adds up over time, instances and groups; nothing is an average of averages.
 */
export type Formula =
  | { readonly kind: 'count' | 'rate' | 'avg' | 'min' | 'max' | 'sum' }
  | { readonly kind: 'percentile'; readonly quantile: number }
  /** Not one figure: the first, lowest, highest and last value of each bucket, at their own times. */
  | { readonly kind: 'm4' }
  /** A named sum, or that per second. */
  | { readonly kind: 'total' | 'total_rate'; readonly part: string }
  /** `factor * part / whole`; `whole` is a named sum, `null` for the count. */
  | {
      readonly kind: 'ratio';
      readonly part: string;
      readonly whole: string | null;
      readonly factor: number;
    };

export interface Measure {
  readonly unit: string;
  /** The distribution it is about: the signal's own (`value`), or another such as `first_token`. */
  readonly field: string;
  readonly formula: Formula;
  /** Under which it is listed. */
  readonly heading: string;
  /** As it stands in a sentence, where its name does not say enough. */
  readonly words?: string;
  /** What a distribution is of: `duration`. @default its values have no name */
  readonly noun?: string;
}

/** The signal's own distribution, and the one over its stages. */
export const VALUE = 'value';
export const STAGE = 'stage';
const PERCENT = 100;

const HOW_MANY = 'How many';
export const FAILURES = 'What went wrong';
export const MONEY = 'Money';
const HEADINGS: Readonly<Record<string, string>> = { tokens: 'Tokens', USD: MONEY };

type Told = Partial<Pick<Measure, 'words' | 'heading'>>;

export function measure(unit: string, formula: Formula, told: Told = {}): Measure {
  return { unit, field: VALUE, formula, heading: HEADINGS[unit] ?? 'Contents', ...told };
}

/** A named sum. */
export function total(unit: string, part: string, told: Told = {}): Measure {
  return measure(unit, { kind: 'total', part }, told);
}

/** What one named sum is of another, or of the number of rows (`null`). */
export function percentOf(part: string, whole: string | null, told: Told = {}): Measure {
  return measure('percent', { kind: 'ratio', part, whole, factor: PERCENT }, told);
}

/** One named sum for each of another. */
export function perEach(unit: string, part: string, whole: string, words: string): Measure {
  return measure(unit, { kind: 'ratio', part, whole, factor: 1 }, { words });
}

const NUMBER: Told = { heading: HOW_MANY, words: 'number' };
const RATE: Told = { heading: HOW_MANY, words: 'number per second' };

export const COUNTS: Readonly<Record<string, Measure>> = {
  count: measure('events', { kind: 'count' }, NUMBER),
  rate: measure('events/s', { kind: 'rate' }, RATE),
};

/** For rows that stand for many: their number is a named sum. */
export function countsOf(noun: string, part: string): Record<string, Measure> {
  return {
    count: total(noun, part, NUMBER),
    rate: measure(`${noun}/s`, { kind: 'total_rate', part }, RATE),
  };
}

/** Of signals with a sum `errors`. */
export const ERRORS: Readonly<Record<string, Measure>> = {
  errors: total('events', 'errors', { heading: FAILURES }),
  error_rate: percentOf('errors', null, { heading: FAILURES }),
};

const STATISTICS: readonly { readonly name: string; readonly words: string; readonly formula: Formula }[] = [
  { name: 'avg', words: 'average', formula: { kind: 'avg' } },
  { name: 'min', words: 'lowest', formula: { kind: 'min' } },
  { name: 'max', words: 'highest', formula: { kind: 'max' } },
  { name: 'sum', words: 'sum', formula: { kind: 'sum' } },
  { name: 'p50', words: 'median', formula: { kind: 'percentile', quantile: 0.5 } },
  { name: 'p95', words: 'p95', formula: { kind: 'percentile', quantile: 0.95 } },
  { name: 'p99', words: 'p99', formula: { kind: 'percentile', quantile: 0.99 } },
];

interface DistributionOptions {
  readonly unit: string;
  readonly heading: string;
  readonly noun?: string;
  /** @default the signal's own */
  readonly field?: string;
  /** Of the measures' names. */
  readonly prefix?: string;
}

/** All that can be asked of one field. */
export function distribution(options: DistributionOptions): Record<string, Measure> {
  const { unit, heading, noun, field = VALUE, prefix = '' } = options;
  const told = noun === undefined ? {} : { noun };
  return Object.fromEntries(
    STATISTICS.map(({ name, words, formula }) => [
      `${prefix}${name}`,
      { unit, field, formula, heading, words: noun === undefined ? words : `${words} ${noun}`, ...told },
    ]),
  );
}

/** Of signals whose own distribution is how long something took, in milliseconds. */
export const DURATIONS: Readonly<Record<string, Measure>> = distribution({
  unit: 'ms',
  heading: 'How long',
  noun: 'duration',
});

/** The named sums a formula needs, in the order part, whole. */
export function sumsOf(formula: Formula): { readonly part: string | null; readonly whole: string | null } {
  if (formula.kind === 'ratio') return { part: formula.part, whole: formula.whole };
  if (formula.kind === 'total' || formula.kind === 'total_rate') return { part: formula.part, whole: null };
  return { part: null, whole: null };
}

import type { SignalName } from '../../../../src/core/event.ts';
import { BUCKETS_MAX } from '../../../../src/core/history/buckets.ts';
import { type Formula, HISTORY, STAGE, VALUE } from '../../../../src/core/history/catalogue.ts';
import { parseDuration } from '../../../../src/core/history/time.ts';
import type { ChartKind } from '../chart/spec.ts';
import type { View } from '../view/view.ts';

/** `heat` is the distribution that a percentile is of. */
export type ExploreKind = ChartKind | 'heat';

/** One question to history that can be answered, and how its answer is drawn. */
export interface Choice {
  readonly signal: SignalName;
  readonly measure: string;
  /** Empty: not grouped. */
  readonly groupBy: string;
  readonly filters: Readonly<Record<string, string>>;
  /** `auto`, or such as `15m`. */
  readonly step: string;
  readonly kind: ExploreKind;
}

export const SIGNALS = Object.keys(HISTORY) as SignalName[];
const FIRST_SIGNAL: SignalName = 'request';
/** What is asked first about a signal. */
const FIRST_MEASURES: Readonly<Record<SignalName, string>> = {
  request: 'p95',
  'llm-call': 'cost',
  'rag-query': 'p95',
  cache: 'hit_rate',
  system: 'value',
  'ws-session': 'count',
};
const FIRST_GAUGE = 'cpu_percent';
const STEPS = ['10s', '1m', '5m', '15m', '1h', '6h', '1d', '7d'] as const;
/** Fewer steps than that draw no line. */
const STEPS_MIN = 2;
/** Of 50 groups each: more cannot be told apart and take long. */
const GROUPED_STEPS_MAX = 300;

type Asked = Pick<Choice, 'signal' | 'measure' | 'groupBy' | 'filters'>;

/** The question of an address: what cannot be asked is as if it were not there. */
export function readChoice(
  { own, group, filters, compare }: Pick<View, 'own' | 'group' | 'filters' | 'compare'>,
  spanMs: number,
): Choice {
  const signal = SIGNALS.find((known) => known === own['signal']) ?? FIRST_SIGNAL;
  const wanted = own['measure'] ?? '';
  const measure = Object.hasOwn(HISTORY[signal].measures, wanted) ? wanted : FIRST_MEASURES[signal];
  const kept = keptFilters(signal, measure, filters);
  const groupBy = groupsOf({ signal, measure, filters: kept }).includes(group) ? group : '';
  const asked = { signal, measure, groupBy, filters: kept };
  const step = own['step'] ?? '';
  const kinds = kindsOf(asked, compare);
  return {
    ...asked,
    step: stepsOf(spanMs, groupBy !== '').includes(step) ? step : 'auto',
    kind: kinds.find((known) => known === own['chart']) ?? kinds[0] ?? 'line',
  };
}

function keptFilters(
  signal: SignalName,
  measure: string,
  filters: Readonly<Record<string, string>>,
): Record<string, string> {
  const known = filtersOf(signal, measure);
  const kept = Object.fromEntries(Object.entries(filters).filter(([dimension]) => known.includes(dimension)));
  // An average over percent, bytes and counts would mean nothing.
  return signal === 'system' ? { metric: FIRST_GAUGE, ...kept } : kept;
}

/** The measures that can be asked beside the group and the filters there are. */
export function measuresOf({ signal, groupBy, filters }: Omit<Asked, 'measure'>): readonly string[] {
  const all = Object.keys(HISTORY[signal].measures);
  const isOfStages = groupBy === STAGE || filters[STAGE] !== undefined;
  return isOfStages ? all.filter((measure) => hasStages(signal, measure)) : all;
}

/** What rows can be narrowed by. */
export function filtersOf(signal: SignalName, measure: string): readonly string[] {
  return HISTORY[signal].dimensions.filter((dimension) => dimension !== STAGE || hasStages(signal, measure));
}

/** What can be grouped by: not what is the same for all. Gauges are never drawn together, as each has its own unit. */
export function groupsOf({ signal, measure, filters }: Omit<Asked, 'groupBy'>): readonly string[] {
  return filtersOf(signal, measure).filter(
    (dimension) => dimension !== 'metric' && filters[dimension] === undefined,
  );
}

/** A stage has a duration of its own and nothing else. */
function hasStages(signal: SignalName, measure: string): boolean {
  const known = HISTORY[signal].measures[measure];
  return (
    known?.field === VALUE &&
    HISTORY[signal].dimensions.includes('stage') &&
    !['total', 'total_rate', 'ratio'].includes(known.formula.kind)
  );
}

/** `auto`, and the steps of which a range has some, but not too many. */
export function stepsOf(spanMs: number, isGrouped: boolean): readonly string[] {
  const most = isGrouped ? GROUPED_STEPS_MAX : BUCKETS_MAX;
  const fitting = STEPS.filter((step) => {
    const steps = spanMs / (parseDuration(step) ?? spanMs);
    return steps >= STEPS_MIN && steps <= most;
  });
  return ['auto', ...fitting];
}

/** How an answer can be drawn, the best way first. */
export function kindsOf(
  { signal, measure, groupBy }: Pick<Asked, 'signal' | 'measure' | 'groupBy'>,
  isCompared: boolean,
): readonly ExploreKind[] {
  const formula = HISTORY[signal].measures[measure]?.formula.kind ?? 'count';
  const lines: readonly ExploreKind[] = groupBy === '' ? ['line', 'area'] : ['line'];
  if (addsUp(formula))
    return groupBy !== ''
      ? ['stacked', 'line']
      : isRate(formula)
        ? ['area', 'line']
        : ['bars', 'area', 'line'];
  return formula === 'percentile' && groupBy === '' && !isCompared ? [...lines, 'heat'] : lines;
}

function isRate(formula: Formula['kind']): boolean {
  return formula === 'rate' || formula === 'total_rate';
}

/** Whether the parts of a whole add up to it. */
export function addsUp(formula: Formula['kind']): boolean {
  return ['count', 'rate', 'sum', 'total', 'total_rate'].includes(formula);
}

/** What the address has to hold to ask this; what is as by default is `null`. */
export function ownOf(choice: Choice, isCompared: boolean): Record<string, string | null> {
  const { signal, measure, step, kind } = choice;
  return {
    signal: signal === FIRST_SIGNAL ? null : signal,
    measure: measure === FIRST_MEASURES[signal] ? null : measure,
    step: step === 'auto' ? null : step,
    chart: kindsOf(choice, isCompared)[0] === kind ? null : kind,
  };
}

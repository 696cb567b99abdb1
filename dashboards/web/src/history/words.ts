import { HISTORY } from '../../../../src/core/history/catalogue.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';
import { name } from '../format.ts';
import type { Choice } from './choice.ts';

/** What is counted or measured, as it stands in a sentence. */
export const SIGNAL_WORDS = Object.fromEntries(
  Object.entries(HISTORY).map(([signal, { plural }]) => [signal, plural]),
) as Readonly<Record<SignalName, string>>;

/** A measure as it stands in a sentence: `p95 duration`. */
export function measureWords(signal: SignalName, measure: string): string {
  return HISTORY[signal].measures[measure]?.words ?? measure.replaceAll('_', ' ');
}

export function dimensionWords(dimension: string): string {
  return name(dimension).replaceAll('_', ' ');
}

/** Measures under headings, in the catalogue's order; a heading without measures is left out. */
export function measureHeadings(
  signal: SignalName,
  measures: readonly string[],
): { readonly heading: string; readonly measures: readonly string[] }[] {
  const byHeading = new Map<string, string[]>();
  for (const measure of measures) {
    const heading = HISTORY[signal].measures[measure]?.heading ?? '';
    byHeading.set(heading, [...(byHeading.get(heading) ?? []), measure]);
  }
  return [...byHeading].map(([heading, under]) => ({ heading, measures: under }));
}

/** `requests by duration`: the distribution a percentile is of. */
export function heatWordsOf(choice: Choice): string {
  const noun = HISTORY[choice.signal].measures[choice.measure]?.noun ?? 'value';
  return `${subjectOf(choice)} by ${noun}`;
}

/** `p95 duration of requests by endpoint`: what a chart is about, without its filters. */
export function wordsOf(choice: Choice): string {
  const { signal, measure, groupBy } = choice;
  const by = groupBy === '' ? '' : ` by ${dimensionWords(groupBy)}`;
  return `${measureWords(signal, measure)} of ${subjectOf(choice)}${by}`;
}

/** What is counted or measured: of values in different units the one that is asked about. */
function subjectOf({ signal, filters }: Choice): string {
  const { oneAtATime } = HISTORY[signal];
  const only = oneAtATime === undefined ? undefined : filters[oneAtATime.dimension];
  return only === undefined ? SIGNAL_WORDS[signal] : dimensionWords(only);
}

/** `15 min`, `1 h`: how long a step is. */
export function stepWords(seconds: number): string {
  const unit = [
    { words: 'd', seconds: 86_400 },
    { words: 'h', seconds: 3600 },
    { words: 'min', seconds: 60 },
  ].find((one) => seconds % one.seconds === 0);
  return unit === undefined ? `${seconds} s` : `${seconds / unit.seconds} ${unit.words}`;
}

/** As a heading begins. */
export function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

import { HISTORY } from '../../../../src/core/history/catalogue.ts';
import { STAGE } from '../../../../src/core/history/measures.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';

/** What rows of a signal can be filtered by: all its dimensions but the stage, of which a row has many. */
export function filterDimensions(signal: SignalName): readonly string[] {
  return HISTORY[signal].dimensions.filter((dimension) => dimension !== STAGE);
}

/** Of the address's filters those that this signal has; the others stay in the address for the next signal. */
export function historyFilters(
  signal: SignalName,
  filters: Readonly<Record<string, string>>,
): Record<string, string> {
  const known = filterDimensions(signal);
  return Object.fromEntries(Object.entries(filters).filter(([dimension]) => known.includes(dimension)));
}

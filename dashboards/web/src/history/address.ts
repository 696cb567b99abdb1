import type { PageEntry } from '../view/page.ts';
import { type Range, spanMsOf } from '../view/range.ts';
import type { View } from '../view/view.ts';
import { type Choice, kindsOf, ownOf, readChoice } from './choice.ts';
import type { HistoryRequest } from './question.ts';

/** Where the question stands: the navigation. */
interface Address {
  readonly view: View;
  show(changes: Partial<View>): void;
}

/** What leads to other pages: the navigation. */
interface Pages {
  readonly pages: readonly PageEntry[];
  readonly view: View;
  hrefOf(page: PageEntry, changes: Partial<View>): string;
}

/** The changes of an address that ask `choice` instead; what only a table or a fixture knows stays. */
export function askedBy(choice: Choice, { own, compare }: View): Partial<View> {
  const next: Record<string, string> = { ...own };
  // Sorted by whatever the other question's table had.
  delete next['sort'];
  for (const [name, value] of Object.entries(ownOf(choice, compare))) {
    if (value === null) delete next[name];
    else next[name] = value;
  }
  return { own: next, group: choice.groupBy, filters: choice.filters };
}

/**
 * Asks something else: what the new question cannot have of the old one's is left out, and it is drawn its own best way
 * unless somebody chose how.
 */
export function ask(navigation: Address, changes: Partial<Choice>, from: Choice, spanMs: number): void {
  const wanted = { ...from, ...changes };
  const { view } = navigation;
  const isChosen = changes.kind !== undefined || from.kind !== kindsOf(from, view.compare)[0];
  const possible = readChoice(
    {
      own: {
        signal: wanted.signal,
        measure: wanted.measure,
        step: wanted.step,
        chart: isChosen ? wanted.kind : '',
      },
      group: wanted.groupBy,
      filters: wanted.filters,
      compare: view.compare,
    },
    spanMs,
  );
  navigation.show(askedBy(possible, view));
}

/** Where the page History asks what a chart asks, at the range that is shown; `null` without that page. */
export function exploreHref(
  navigation: Pages,
  range: Range,
  request: Pick<HistoryRequest, 'signal' | 'measure' | 'groupBy' | 'filters'>,
): string | null {
  const page = navigation.pages.find(({ id }) => id === 'history');
  if (page === undefined) return null;
  const { signal, measure, groupBy = '', filters = {} } = request;
  const { compare, own } = navigation.view;
  const asked = { own: { signal, measure }, group: groupBy, filters, compare };
  const choice = readChoice(asked, spanMsOf(range));
  const kept: Record<string, string> = own['fixture'] === undefined ? {} : { fixture: own['fixture'] };
  return navigation.hrefOf(page, { ...askedBy(choice, { ...navigation.view, own: kept }), range, compare });
}

import type { EventRow } from '../../../../src/core/history/query.ts';
import type { Dashboard } from '../dashboard.svelte.ts';

/** What the address of a trace names: itself, and the row that somebody came from. `null`: the row belongs to none. */
export function traceOwn(row: EventRow): { readonly trace: string; readonly item: string } | null {
  const trace = row['trace_id'];
  return typeof trace === 'string' && trace !== '' ? { trace, item: String(row['id']) } : null;
}

/** The address of a row's trace from another page; `null`: it belongs to none. */
export function traceHref({ navigation }: Pick<Dashboard, 'navigation'>, row: EventRow): string | null {
  const events = navigation.pages.find(({ id }) => id === 'events');
  const own = traceOwn(row);
  if (events === undefined || own === null) return null;
  const { fixture } = navigation.view.own;
  return navigation.hrefOf(events, { own: { ...(fixture === undefined ? {} : { fixture }), ...own } });
}

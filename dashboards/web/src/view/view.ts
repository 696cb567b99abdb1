import type { SenderFilter } from '../../../../src/core/history/sender-filter.ts';
import { between, isPresetId, type PresetId, type Range } from './range.ts';

/** All that makes one page look as it does. It lives in the address, so that a link shows the same. */
export interface View {
  readonly range: Range;
  /** `local`, `UTC` or an IANA zone such as `Europe/Berlin`. */
  readonly tz: string;
  /** The dimension figures are grouped by; empty: not grouped. */
  readonly group: string;
  /** Values by dimension: `f.model=gpt-4o` in the address. */
  readonly filters: Readonly<Record<string, string>>;
  /** Whose figures are shown; `null`: everybody's. */
  readonly sender: SenderFilter;
  /** The period before is drawn too. */
  readonly compare: boolean;
  /** A wall screen: nothing but the figures. */
  readonly kiosk: boolean;
  /** What the page itself keeps in the address, such as the route it shows in detail. Absent means the page's default. */
  readonly own: Readonly<Record<string, string>>;
}

const FILTER_PREFIX = 'f.';
const FILTERS_MAX = 12;
const OWN_MAX = 20;
const VALUE_CHARS_MAX = 255;
const NAME = /^[a-z][a-z0-9_-]{0,30}$/i;
const DIMENSION = /^[a-z][a-z_]{0,30}$/;
const SENDER = ['service', 'instance'] as const;
const RESERVED = new Set(['range', 'from', 'to', 'tz', 'group', 'compare', 'kiosk', ...SENDER]);
/** What stays when another page is gone to: when, where the clock stands, whose figures, and what the whole dashboard is shown as. */
const KEPT = ['range', 'from', 'to', 'tz', ...SENDER, 'kiosk', 'fixture'];

/** Reads an address's search. What cannot be used is as if it were not there: a page never fails for its address. */
export function readView(search: URLSearchParams, defaultRange: PresetId): View {
  return {
    range: readRange(search, defaultRange),
    tz: readZone(search.get('tz')),
    group: DIMENSION.test(search.get('group') ?? '') ? (search.get('group') ?? '') : '',
    filters: readFilters(search),
    sender: readSender(search),
    compare: isOn(search.get('compare')),
    kiosk: isOn(search.get('kiosk')),
    own: readOwn(search),
  };
}

/** The search of an address, without its `?`. What is as by default is left out, the order is always the same. */
export function writeView(view: View, defaultRange: PresetId): string {
  const search = new URLSearchParams();
  const { range } = view;
  if (range.kind === 'between') {
    search.set('from', new Date(range.fromMs).toISOString());
    search.set('to', new Date(range.toMs).toISOString());
  } else if (range.id !== defaultRange) search.set('range', range.id);
  if (view.tz !== 'local') search.set('tz', view.tz);
  if (view.group !== '') search.set('group', view.group);
  for (const [dimension, value] of sorted(view.filters)) search.set(`${FILTER_PREFIX}${dimension}`, value);
  for (const name of SENDER) {
    const value = view.sender[name];
    if (value !== null) search.set(name, value);
  }
  if (view.compare) search.set('compare', '1');
  if (view.kiosk) search.set('kiosk', '1');
  for (const [name, value] of sorted(view.own)) search.set(name, value);
  return search.toString();
}

/** What the links to other pages carry over from this one's search. */
export function keptSearch(search: URLSearchParams): string {
  const kept = new URLSearchParams();
  for (const name of KEPT) {
    const value = search.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept.toString();
}

export function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function readRange(search: URLSearchParams, defaultRange: PresetId): Range {
  const from = search.get('from');
  const to = search.get('to');
  const stretch = from === null || to === null ? null : between(Date.parse(from), Date.parse(to));
  if (stretch !== null) return stretch;
  const id = search.get('range') ?? '';
  return { kind: 'last', id: isPresetId(id) ? id : defaultRange };
}

function readZone(text: string | null): string {
  if (text === null || text === '' || text.length > VALUE_CHARS_MAX) return 'local';
  return isTimeZone(text) ? text : 'local';
}

function readFilters(search: URLSearchParams): Record<string, string> {
  const filters = [...search]
    .filter(([name]) => name.startsWith(FILTER_PREFIX))
    .map(([name, value]): [string, string] => [name.slice(FILTER_PREFIX.length), value])
    .filter(([name, value]) => DIMENSION.test(name) && value !== '' && value.length <= VALUE_CHARS_MAX);
  return Object.fromEntries(filters.slice(0, FILTERS_MAX));
}

function readSender(search: URLSearchParams): SenderFilter {
  const [service = null, instance = null] = SENDER.map((name) => {
    const value = search.get(name) ?? '';
    return value === '' || value.length > VALUE_CHARS_MAX || value.includes('\0') ? null : value;
  });
  return { service, instance };
}

function readOwn(search: URLSearchParams): Record<string, string> {
  const own = [...search].filter(
    ([name, value]) => NAME.test(name) && !RESERVED.has(name) && value.length <= VALUE_CHARS_MAX,
  );
  return Object.fromEntries(own.slice(0, OWN_MAX));
}

/** `?kiosk` and `?kiosk=1` are on. */
function isOn(value: string | null): boolean {
  return value === '' || value === '1' || value === 'true';
}

function sorted(values: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

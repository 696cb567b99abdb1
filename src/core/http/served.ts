import { BoundedNames } from '../names/bounded-names.ts';

const STANDARD_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
]);
/** nginx's "client closed request": nobody was there to receive a status. */
export const CLIENT_CLOSED_REQUEST = 499;

/** Route of a request that matched none: the raw path would make one series and one table entry per id or typo. */
export const UNMATCHED_ROUTE = '<unmatched>';
/** Route of every template past the bound. */
export const OTHER_ROUTE = '<other>';
/** Routes at once, `<unmatched>` and `<other>` included. */
export const ROUTES_MAX = 200;
/** As long as the column that stores it. */
export const ROUTE_LENGTH_MAX = 255;

export interface RouteBoundOptions {
  /** Routes at once, `<unmatched>` and `<other>` included. @default 200 */
  readonly max?: number;
  /** In milliseconds, of a clock that does not go back. @default it stands still */
  readonly now?: () => number;
  /** Called for every route that gives up its place, and every use of one that finds none. */
  readonly onFolded?: () => void;
}

/**
 * Keeps the number of distinct route templates bounded, by use. Rows are stored by them as well: as many as there are places
 * may change hands at once, and as many a minute; further ones are `<other>`.
 */
export class RouteBound {
  readonly #names: BoundedNames;
  readonly #now: () => number;

  constructor({ max = ROUTES_MAX, now = () => 0, onFolded = () => {} }: RouteBoundOptions = {}) {
    this.#now = now;
    const reserved = [UNMATCHED_ROUTE];
    // `<other>` is no name, but a route that is shown.
    this.#names = new BoundedNames({ max: max - 1, other: OTHER_ROUTE, reserved, turnover: max, onFolded });
    this.#names.of(UNMATCHED_ROUTE, now());
  }

  /** The template itself, at most 255 characters of it, or `<other>`; `<unmatched>` for none. */
  bound(template: string | undefined): string {
    if (template === undefined || template === '') return UNMATCHED_ROUTE;
    const route =
      template.length > ROUTE_LENGTH_MAX ? template.slice(0, ROUTE_LENGTH_MAX).toWellFormed() : template;
    return this.#names.of(route, this.#now());
  }
}

/** `_OTHER` for anything but the standard methods (semantic conventions): clients could otherwise invent series. */
export function knownMethod(method: string | undefined): string {
  return method !== undefined && STANDARD_METHODS.has(method) ? method : '_OTHER';
}

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
/** Route of a file that is served as it is, whatever its path. */
export const STATIC_ROUTE = '<static>';
/** Route of every template past the bound. */
export const OTHER_ROUTE = '<other>';
/** Distinct routes of one process, `<unmatched>`, `<static>` and `<other>` included. */
export const ROUTES_MAX = 200;
/** As long as the column that stores it. */
export const ROUTE_LENGTH_MAX = 255;

/**
 * Keeps the number of distinct route templates bounded: the first ones keep their name for the life of the process, later
 * ones are counted as `<other>`.
 */
export class RouteBound {
  readonly #known: Set<string>;
  readonly #max: number;

  constructor(max: number = ROUTES_MAX) {
    this.#max = max;
    this.#known = new Set([UNMATCHED_ROUTE, STATIC_ROUTE, OTHER_ROUTE]);
  }

  /** The template itself, at most 255 characters of it, or `<other>`; `<unmatched>` for none. */
  bound(template: string | undefined): string {
    if (template === undefined || template === '') return UNMATCHED_ROUTE;
    const route =
      template.length > ROUTE_LENGTH_MAX ? template.slice(0, ROUTE_LENGTH_MAX).toWellFormed() : template;
    if (this.#known.has(route)) return route;
    if (this.#known.size >= this.#max) return OTHER_ROUTE;
    this.#known.add(route);
    return route;
  }
}

/** `_OTHER` for anything but the standard methods (semantic conventions): clients could otherwise invent series. */
export function knownMethod(method: string | undefined): string {
  return method !== undefined && STANDARD_METHODS.has(method) ? method : '_OTHER';
}

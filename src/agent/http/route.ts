/** Route of a request that matched none: the raw path would make one series and one table entry per id or typo. */
export const UNMATCHED_ROUTE = '<unmatched>';
/** Route of every template past the bound. */
export const OTHER_ROUTE = '<other>';
/** Distinct routes of one process, `<unmatched>` and `<other>` included. */
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
    this.#known = new Set([UNMATCHED_ROUTE, OTHER_ROUTE]);
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

/** Template of a route inside a mounted router: `/orgs/:org` and `/users/:id` give `/orgs/:org/users/:id`. */
export function joinTemplates(prefix: string, path: string): string {
  const left = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (path === '' || path === '/') return left === '' ? '/' : left;
  return path.startsWith('/') ? left + path : `${left}/${path}`;
}

/**
 * Whether a raw path is one the template stands for: same segments, `:name` for any one of them, letters of any case.
 * Knows no other syntax; a template that uses some matches nothing.
 */
export function matchesTemplate(template: string, path: string): boolean {
  const wanted = segments(template);
  const given = segments(path);
  return (
    wanted.length === given.length &&
    wanted.every((segment, i) => segment.startsWith(':') || sameText(segment, given[i] ?? ''))
  );
}

function segments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function sameText(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

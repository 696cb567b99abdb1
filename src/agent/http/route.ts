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

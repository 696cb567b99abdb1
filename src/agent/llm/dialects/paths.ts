/**
 * How much a path proves. `proof`: nobody but a model provider has it, on whatever host. `hint`: on a host that is nobody's
 * we know, request and answer must show that this is a call. `none`: a call only where host or a header says so.
 */
export type Evidence = 'proof' | 'hint' | 'none';

/** What the path of a request says about the call. */
export interface PathMatch {
  readonly evidence: Evidence;
  /** Model or deployment that the path names, decoded; `null` when the body names it. */
  readonly model: string | null;
  /** Whether the path asks for a stream; `null` when the body does. */
  readonly streams: boolean | null;
}

/** Looks at a path without its query and trailing slash; `null` when it is none of the dialect's. */
export type PathMatcher = (pathname: string) => PathMatch | null;

/** `/openai/deployments/<name>/...`: Azure names the model in the path. */
const DEPLOYMENT = /\/openai\/deployments\/([^/]+)\//;
/** What must precede the ending on an unknown host: a version, or a gateway's prefix for the API. */
const API_PREFIX = /(?:\/v\d\w*|\/openai|\/anthropic)$/;

/**
 * Matches paths by their endings, each with a leading slash.
 *
 * @param evidence what the ending alone proves; `hint` needs a version before it (`/v1`) to be one.
 */
export function endingIn(endings: readonly string[], evidence: 'proof' | 'hint' = 'hint'): PathMatcher {
  return (pathname) => {
    const ending = endings.find((candidate) => pathname.endsWith(candidate));
    if (ending === undefined) return null;
    const deployment = DEPLOYMENT.exec(pathname)?.[1];
    if (deployment !== undefined) return { evidence: 'proof', model: decoded(deployment), streams: null };
    if (evidence === 'proof') return { evidence, model: null, streams: null };
    const versioned = API_PREFIX.test(pathname.slice(0, -ending.length));
    return { evidence: versioned ? 'hint' : 'none', model: null, streams: null };
  };
}

/** Matches paths that say nothing but what they are. */
export function matching(pattern: RegExp, evidence: Evidence = 'hint'): PathMatcher {
  return (pathname) => (pattern.test(pathname) ? { evidence, model: null, streams: null } : null);
}

/** The text of a path segment. */
export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // Not percent-encoded after all.
  }
}

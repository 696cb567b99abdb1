import type { Found, Tally, Wanted } from '../llm/reader/json-scanner.ts';

/**
 * What the path of a `POST` says. `search`: nobody but this store has such a path, and it is a vector search. `maybe`: it
 * is one when the body asks for it.
 */
export type PathVerdict = 'search' | 'maybe' | null;

/** What the answer to a vector search holds. */
export interface SearchResults {
  readonly count: number;
  /** Scores of the results, the first one's and the average; `null` when the store gives distances or nothing. */
  readonly scores: { readonly top: number; readonly average: number } | null;
}

/**
 * One vector store as it talks over HTTP, whoever its client. Adding one is one of these in `stores.ts`. Of an answer only numbers are read, never texts and never vectors.
 */
export interface VectorStore {
  readonly name: string;
  /** @param pathname without query and trailing slash. @param host without port, lower case. */
  matchPath(pathname: string, host: string): PathVerdict;
  /**
   * Found in the body of a vector search where the path does not prove it; `null` where it always does. No longer than
   * 64 characters: the body is looked at in pieces.
   */
  readonly asks: RegExp | null;
  /** What of the answer is worth reading; empty: the answer is not JSON. */
  readonly wanted: Wanted;
  /** `null`: the answer does not say, as when the store refused. */
  read(found: Found): SearchResults | null;
}

/** For answers that are not JSON. */
export const UNREAD: Pick<VectorStore, 'wanted' | 'read'> = { wanted: {}, read: () => null };

/**
 * Reads an answer whose results are counted at some paths (a `count`, or the `tally` of their scores) and scored at others.
 *
 * @param root path that only an answer with results has, also when they are none.
 */
export function resultsAt(
  root: string,
  counted: readonly string[],
  scored: readonly string[] = [],
): VectorStore['read'] {
  return (found) => {
    if (!found.has(root)) return null;
    const count = counted.reduce((sum, path) => sum + countAt(found, path), 0);
    const tallies = scored
      .map((path) => found.get(path) as Tally | undefined)
      .filter((tally) => tally !== undefined);
    return { count, scores: scoresOf(tallies) };
  };
}

function countAt(found: Found, path: string): number {
  const value = (found.get(path) ?? 0) as number | Tally;
  return typeof value === 'number' ? value : value.count;
}

function scoresOf(tallies: readonly Tally[]): SearchResults['scores'] {
  const [first] = tallies;
  if (first === undefined) return null;
  const count = tallies.reduce((all, tally) => all + tally.count, 0);
  const sum = tallies.reduce((all, tally) => all + tally.sum, 0);
  return { top: first.first, average: sum / count };
}

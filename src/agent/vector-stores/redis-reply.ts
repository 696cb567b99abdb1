import type { SearchResults } from './vector-store.ts';

/** What makes a query of `FT.SEARCH` one for vectors: nearest neighbours, or all within a radius. */
const VECTOR_QUERY = /=>\s*\{?\s*\[\s*KNN\b|\bVECTOR_RANGE\b/i;
/** So much of a query is looked at: vectors are parameters beside it. */
const QUERY_CHARS_MAX = 4096;
const WITH_SCORES = 'withscores';
const NO_CONTENT = 'nocontent';

/**
 * Whether a Redis command searches vectors: `VSIM`, `FT.HYBRID`, or `FT.SEARCH` with a vector query.
 *
 * @param command in lower case. @param args without the command.
 */
export function isRedisVectorSearch(command: string, args: readonly unknown[]): boolean {
  if (command === 'vsim' || command === 'ft.hybrid') return true;
  if (command !== 'ft.search') return false;
  const [, query] = args;
  return typeof query === 'string' && VECTOR_QUERY.test(query.slice(0, QUERY_CHARS_MAX));
}

/** How many results its reply holds, in RESP2 or RESP3; `null` when it has no known shape. Only numbers are read. */
export function redisResults(
  command: string,
  args: readonly unknown[],
  reply: unknown,
): SearchResults | null {
  if (command === 'vsim') return similarResults(reply, hasWord(args, WITH_SCORES));
  const results = fieldOf(reply, 'results');
  if (Array.isArray(results)) return { count: results.length, scores: null };
  if (command !== 'ft.search' || !Array.isArray(reply) || typeof reply[0] !== 'number') return null;
  // RESP2: how many match, then of each result its key, maybe its score, and its fields.
  const documents = reply.slice(1);
  const count = hasWord(args, NO_CONTENT) ? documents.length : documents.filter(Array.isArray).length;
  return { count, scores: null };
}

/** Elements; with scores as pairs (RESP2) or as a map (RESP3), the most similar first. */
function similarResults(reply: unknown, withScores: boolean): SearchResults | null {
  if (!withScores) return Array.isArray(reply) ? { count: reply.length, scores: null } : null;
  const scores = scoresIn(reply);
  if (scores === null) return null;
  const numbers = scores.map((score) => Number(String(score))).filter(Number.isFinite);
  const [top] = numbers;
  if (top === undefined) return { count: scores.length, scores: null };
  const sum = numbers.reduce((all, score) => all + score, 0);
  return { count: scores.length, scores: { top, average: sum / numbers.length } };
}

function scoresIn(reply: unknown): readonly unknown[] | null {
  if (Array.isArray(reply)) return reply.filter((_, at) => at % 2 === 1);
  if (reply instanceof Map) return [...reply.values()];
  return typeof reply === 'object' && reply !== null ? Object.values(reply) : null;
}

/** A field of a map, however the client represents one. */
function fieldOf(reply: unknown, name: string): unknown {
  if (reply instanceof Map) return reply.get(name);
  if (!Array.isArray(reply)) return (reply as Readonly<Record<string, unknown>> | null)?.[name];
  const at = reply.findIndex((field, index) => index % 2 === 0 && String(field) === name);
  return at === -1 ? undefined : reply[at + 1];
}

function hasWord(args: readonly unknown[], word: string): boolean {
  return args.some(
    (arg) => typeof arg === 'string' && arg.length === word.length && arg.toLowerCase() === word,
  );
}

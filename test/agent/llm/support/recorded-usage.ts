/** What a recorded answer says of its tokens, in the words of the rows. */
export interface RecordedUsage {
  readonly prompt: number;
  readonly completion: number;
  readonly cacheRead: number;
  readonly reasoning: number;
}

type Counts = Readonly<Record<string, unknown>>;

/**
 * The oracle: the last value of each count in a recorded body, read with a plain `JSON.parse` of the body or of every event;
 * `null` when it has none.
 */
export function recordedUsage(body: string): RecordedUsage | null {
  let counts: Counts = {};
  for (const document of documentsIn(body)) {
    for (const said of USAGE_AT.map((place) => place(document))) counts = { ...counts, ...said };
  }
  return Object.keys(counts).length === 0 ? null : inRowsWords(counts);
}

/** One JSON document, server-sent events, lines of JSON, or chunks in Amazon's frames, which look like none of these. */
function documentsIn(body: string): Counts[] {
  const text = body.trim();
  try {
    return [JSON.parse(text)];
  } catch {
    // More than one document.
  }
  const chunks = [...body.matchAll(/"bytes":"([^"]+)"/g)].map(([, base64 = '']) => atob(base64));
  if (chunks.length > 0) return chunks.map((chunk) => JSON.parse(chunk));
  return body
    .split('\n')
    .map((line) => line.replace(/^data: /, ''))
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

const LLAMA = ['prompt_token_count', 'generation_token_count'];

/** Where providers put their counts. */
const USAGE_AT: readonly ((document: Counts) => Counts)[] = [
  (document) => inside(document, 'usage'),
  (document) => inside(document, 'response', 'usage'),
  (document) => inside(document, 'message', 'usage'),
  (document) => inside(document, 'usageMetadata'),
  (document) => inside(document, 'meta', 'billed_units'),
  (document) => inside(document, 'response', 'meta', 'billed_units'),
  (document) => inside(document, 'amazon-bedrock-invocationMetrics'),
  (document) => Object.fromEntries(LLAMA.filter((key) => key in document).map((key) => [key, document[key]])),
];

function inside(document: Counts, ...path: readonly string[]): Counts {
  let value: unknown = document;
  for (const key of path) value = (value as Counts | null | undefined)?.[key];
  return typeof value === 'object' && value !== null ? (value as Counts) : {};
}

function inRowsWords(counts: Counts): RecordedUsage {
  const of = (...keys: readonly string[]) => Number(keys.map((key) => counts[key]).find(Boolean) ?? 0);
  const detail = (key: string, ...places: readonly string[]) =>
    Number(places.map((place) => inside(counts, place)[key]).find(Boolean) ?? 0);
  const thoughts = of('thoughtsTokenCount');
  // Anthropic counts cached tokens beside the others.
  const read = of('cache_read_input_tokens');
  const written = of('cache_creation_input_tokens');
  return {
    prompt:
      of('prompt_tokens', 'input_tokens', 'promptTokenCount', 'inputTokenCount', 'prompt_token_count') +
      read +
      written,
    completion:
      of(
        'completion_tokens',
        'output_tokens',
        'candidatesTokenCount',
        'outputTokenCount',
        'generation_token_count',
      ) + thoughts,
    cacheRead: read + detail('cached_tokens', 'prompt_tokens_details', 'input_tokens_details'),
    reasoning: thoughts + detail('reasoning_tokens', 'completion_tokens_details', 'output_tokens_details'),
  };
}

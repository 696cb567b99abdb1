import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { RawUsage } from '../../tokens/raw-usage.ts';
import { type Facts, NO_FACTS } from '../dialect.ts';

/** Headers in which Bedrock counts the tokens of an answer of InvokeModel that is not streamed, for every model. */
const COUNTS: readonly (readonly [name: string, header: string])[] = [
  ['inputTokenCount', 'x-amzn-bedrock-input-token-count'],
  ['outputTokenCount', 'x-amzn-bedrock-output-token-count'],
  ['cacheReadInputTokenCount', 'x-amzn-bedrock-cache-read-input-token-count'],
  ['cacheWriteInputTokenCount', 'x-amzn-bedrock-cache-write-input-token-count'],
];

/** What the headers of Bedrock's answers say: counts, and the name of the error, which the body does not repeat. */
export function readBedrockHeaders(header: (name: string) => string | null): Facts {
  const counts = COUNTS.flatMap(([name, from]) => {
    const text = header(from);
    const count = text === null ? null : tokenCount(Number(text));
    return count === null ? [] : [[name, count] as const];
  });
  const usage: RawUsage | null = counts.length === 0 ? null : Object.fromEntries(counts);
  const failure = header('x-amzn-errortype');
  if (failure === null) return { ...NO_FACTS, usage };
  return { ...NO_FACTS, usage, failed: true, errors: [errorName(failure)] };
}

/** The name of an AWS error without its namespace before and its address behind it: `a.b#Name:http://…`. */
export function errorName(type: unknown): unknown {
  return typeof type === 'string' ? type.replace(/:.*$/, '').replace(/^.*#/, '') : undefined;
}

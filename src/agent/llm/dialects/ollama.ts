import { tokenCount } from '../../../core/llm/token-counts.ts';
import type { TokenUsage } from '../../../core/llm/usage.ts';
import type { Found } from '../reader/json-scanner.ts';
import { type RawUsage, tokenUsage } from '../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from './dialect.ts';
import { matching } from './paths.ts';

/** What Ollama answers when it has only taken a model into memory, or out of it. */
const NOT_ASKED: readonly unknown[] = ['load', 'unload'];

/** Ollama's own chat. Answers are streamed, as lines of JSON, unless the request says no; the last one counts. */
export const ollamaChat: Dialect = {
  ...COMMON_DIALECT,
  name: 'ollama-chat',
  operation: 'chat',
  localProvider: 'ollama',
  // A path that many applications have: request and answer have to show that this is Ollama.
  matchPath: matching(/\/api\/chat$/),
  requestKeys: ['messages'],
  answerMustTell: true,
  streamsByDefault: true,
  wanted: {
    model: 'value',
    created_at: 'presence',
    done: 'value',
    done_reason: 'value',
    prompt_eval_count: 'value',
    eval_count: 'value',
    error: 'value',
  },
  stream: {
    content: /"(?:content|response|thinking)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{/,
    facts: /"done"\s*:\s*true|"error"\s*:\s*"/,
    end: /"done"\s*:\s*true/,
  },
  read: readAnswer,
  countTokens: evaluated,
  totalTokens: () => null,
};

/** Ollama's completion of a prompt. */
export const ollamaGenerate: Dialect = {
  ...ollamaChat,
  name: 'ollama-generate',
  operation: 'text_completion',
  matchPath: matching(/\/api\/generate$/),
  requestKeys: ['prompt'],
};

/** Ollama's embeddings. */
export const ollamaEmbed: Dialect = {
  ...ollamaChat,
  name: 'ollama-embed',
  operation: 'embeddings',
  matchPath: matching(/\/api\/embed$/),
  requestKeys: ['input'],
  streamsByDefault: false,
  wanted: { model: 'value', embeddings: 'presence', prompt_eval_count: 'value', error: 'value' },
  stream: null,
  read: (found) => ({ ...readAnswer(found), telling: found.has('model') && found.has('embeddings') }),
};

function readAnswer(found: Found): Facts {
  const counts: RawUsage = { input: found.get('prompt_eval_count'), output: found.get('eval_count') };
  const reason = found.get('done_reason');
  const error = found.get('error');
  return {
    ...NO_FACTS,
    model: found.get('model'),
    usage: evaluated(counts) === null ? null : counts,
    failed: typeof error === 'string',
    errorMessage: error,
    finishReason: reason,
    telling:
      found.has('model') && found.has('created_at') && found.has('done') && !NOT_ASKED.includes(reason),
  };
}

/** A prompt that was in the cache of the model is not counted again: Ollama leaves its count out. */
function evaluated(raw: RawUsage): TokenUsage | null {
  const input = tokenCount(raw['input']);
  const output = tokenCount(raw['output']);
  return input === null && output === null
    ? null
    : tokenUsage({ inputUncached: input ?? 0, outputText: output ?? 0 });
}

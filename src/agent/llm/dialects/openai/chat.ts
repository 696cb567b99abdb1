import type { Found } from '../../reader/json-scanner.ts';
import { asRecord, chatUsage, searchesMade } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from '../dialect.ts';
import { endingIn } from '../paths.ts';

/** Chat completions: OpenAI and everybody compatible with it. */
export const openaiChat: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-chat',
  operation: 'chat',
  localProvider: null,
  matchPath: endingIn(['/chat/completions'], 'proof'),
  requestKeys: ['messages'],
  wanted: {
    object: 'value',
    type: 'value',
    code: 'value',
    message: 'value',
    model: 'value',
    service_tier: 'value',
    usage: 'value',
    error: WANTED_ERROR,
    choices: { '[]': { finish_reason: 'value', usage: 'value' } }, // Moonshot's usage of a stream.
    x_groq: { usage: 'value' }, // Groq's.
  },
  stream: {
    content:
      /"(?:content|reasoning_content|reasoning|refusal|text|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{/,
    // Any event may carry the usage; with `include_usage` all the others carry a null.
    facts: /"usage"\s*:\s*\{|"error"\s*:\s*[{"]|"finish_reason"\s*:\s*"/,
    end: /^\s*\[DONE\]/,
  },
  read: readChat,
  countTokens: chatUsage,
  billedUnits: searchesMade,
};

/** Completions, the older API: same answer, another place for the text. Mistral's fill-in-the-middle is one too. */
export const openaiCompletions: Dialect = {
  ...openaiChat,
  name: 'openai-completions',
  operation: 'text_completion',
  matchPath: endingIn(['/fim/completions', '/completions']),
  requestKeys: ['prompt'],
  answerMustTell: true,
};

/** Reads a body or event of the chat family. */
export function readChat(found: Found): Facts {
  // Mistral puts the error's fields at the top.
  const isError = found.get('object') === 'error';
  const usage =
    asRecord(found.get('usage')) ??
    asRecord(found.get('x_groq.usage')) ??
    asRecord(found.get('choices.[].usage'));
  return {
    ...NO_FACTS,
    model: found.get('model'),
    usage,
    failed: isError || found.has('error'),
    errors: [
      found.get('error.code'),
      found.get('error.type'),
      ...(isError ? [found.get('type'), found.get('code')] : []),
    ],
    errorMessage: found.get('error.message') ?? (isError ? found.get('message') : undefined),
    finishReason: found.get('choices.[].finish_reason'),
    serviceTier: found.get('service_tier') ?? usage?.['service_tier'], // Mistral's.
    telling: found.has('choices'),
  };
}

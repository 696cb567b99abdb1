import { type Dialect, type Facts, lastUsage, WANTED_ERROR } from './dialect.ts';
import type { Found } from './json-scanner.ts';
import { asRecord, chatUsage } from './usage.ts';

/** Chat completions: OpenAI and everybody compatible with it. */
export const openaiChat: Dialect = {
  name: 'openai-chat',
  operation: 'chat',
  localProvider: 'openai',
  paths: ['/chat/completions'],
  pathIsEnough: true,
  header: null,
  requestKeys: ['messages'],
  // Groq puts the usage of a stream under `x_groq`.
  wanted: { model: 'value', usage: 'value', error: WANTED_ERROR, x_groq: { usage: 'value' } },
  stream: {
    content:
      /"(?:content|reasoning_content|reasoning|refusal|text|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{/,
    // Any event may carry the usage; with `include_usage` all the others carry a null.
    facts: /"usage"\s*:\s*\{|"error"\s*:\s*[{"]/,
    end: /^\s*\[DONE\]/,
  },
  read: readChat,
  mergeUsage: lastUsage,
  countTokens: chatUsage,
};

/** Completions, the older API: same answer, another place for the text. */
export const openaiCompletions: Dialect = {
  ...openaiChat,
  name: 'openai-completions',
  operation: 'text_completion',
  paths: ['/completions'],
  pathIsEnough: false,
  requestKeys: ['prompt'],
};

/** Reads a body or event of the chat family. */
export function readChat(found: Found): Facts {
  return {
    model: found.get('model'),
    usage: asRecord(found.get('usage')) ?? asRecord(found.get('x_groq.usage')),
    provisional: false,
    failed: found.has('error'),
    errors: [found.get('error.code'), found.get('error.type')],
  };
}

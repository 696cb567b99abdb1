import type { Found } from '../reader/json-scanner.ts';
import { asRecord, chatUsage } from '../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from './dialect.ts';
import { openaiChat } from './openai/chat.ts';
import { endingIn, matching } from './paths.ts';

/** Mistral's agents: chat completions that name an agent instead of a model. */
export const mistralAgents: Dialect = {
  ...openaiChat,
  name: 'mistral-agents',
  operation: 'chat',
  localProvider: 'mistral_ai',
  matchPath: endingIn(['/agents/completions']),
  requestKeys: ['agent_id', 'messages'],
};

/** Mistral's conversations, begun, continued or restarted. A stream counts in its last event. */
export const mistralConversations: Dialect = {
  ...COMMON_DIALECT,
  name: 'mistral-conversations',
  operation: 'chat',
  localProvider: 'mistral_ai',
  matchPath: matching(/\/v1\/conversations(?:\/[\w-]+(?:\/restart)?)?$/, 'none'),
  onlyProvider: 'mistral_ai', // OpenAI has the same paths for what it only keeps.
  requestKeys: ['inputs'],
  wanted: {
    object: 'value',
    type: 'value',
    code: 'value',
    message: 'value',
    model: 'value',
    usage: 'value',
  },
  stream: {
    content: /"type"\s*:\s*"message\.output\.delta"|"type"\s*:\s*"function\.call\.delta"/,
    facts: /"type"\s*:\s*"conversation\.response\.(?:done|error)"/,
    end: /"type"\s*:\s*"conversation\.response\.(?:done|error)"/,
  },
  read: readConversation,
  countTokens: chatUsage,
};

function readConversation(found: Found): Facts {
  const failed = found.get('object') === 'error' || found.get('type') === 'conversation.response.error';
  return {
    ...NO_FACTS,
    model: found.get('model'),
    usage: asRecord(found.get('usage')),
    failed,
    errors: failed ? [found.get('type'), found.get('code')] : [],
    errorMessage: failed ? found.get('message') : undefined,
  };
}

import { type Dialect, lastUsage, WANTED_ERROR } from './dialect.ts';
import { readChat } from './openai-chat.ts';
import { chatUsage } from './usage.ts';

/** Embeddings: OpenAI and everybody compatible with it. */
export const openaiEmbeddings: Dialect = {
  name: 'openai-embeddings',
  operation: 'embeddings',
  localProvider: 'openai',
  paths: ['/embeddings'],
  pathIsEnough: false,
  header: null,
  requestKeys: ['input'],
  wanted: { model: 'value', usage: 'value', error: WANTED_ERROR },
  stream: null,
  read: readChat,
  mergeUsage: lastUsage,
  countTokens: chatUsage,
};

import { chatUsage } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, WANTED_ERROR } from '../dialect.ts';
import { endingIn } from '../paths.ts';
import { readChat } from './chat.ts';

/** Embeddings: OpenAI and everybody compatible with it. */
export const openaiEmbeddings: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-embeddings',
  operation: 'embeddings',
  localProvider: null,
  matchPath: endingIn(['/embeddings']),
  requestKeys: ['input'],
  answerMustTell: true,
  wanted: { model: 'value', data: 'presence', usage: 'value', error: WANTED_ERROR },
  read: (found) => ({ ...readChat(found), telling: found.has('data') }),
  countTokens: chatUsage,
};

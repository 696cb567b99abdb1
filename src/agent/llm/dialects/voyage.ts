import { tokenCount } from '../../../core/llm/token-counts.ts';
import { type RawUsage, tokenUsage } from '../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, WANTED_ERROR } from './dialect.ts';
import { readChat } from './openai/chat.ts';
import { endingIn } from './paths.ts';

/**
 * Voyage's embeddings of images and of chunks in their context; those of plain texts are OpenAI's dialect, as Jina's are.
 */
export const voyageEmbeddings: Dialect = {
  ...COMMON_DIALECT,
  name: 'voyage-embeddings',
  operation: 'embeddings',
  localProvider: 'voyageai',
  matchPath: endingIn(['/multimodalembeddings', '/contextualizedembeddings']),
  requestKeys: ['inputs'],
  wanted: { model: 'value', usage: 'value', error: WANTED_ERROR },
  read: readChat,
  countTokens: textAndImages,
};

/** What of the total is not text is images. */
function textAndImages(usage: RawUsage) {
  const total = tokenCount(usage['total_tokens']);
  if (total === null) return null;
  const inputUncached = Math.min(tokenCount(usage['text_tokens']) ?? total, total);
  return tokenUsage({ inputUncached, inputImage: total - inputUncached });
}

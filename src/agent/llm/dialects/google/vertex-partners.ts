import { anthropicMessages } from '../anthropic-messages.ts';
import type { Dialect } from '../dialect.ts';
import { openaiChat } from '../openai/chat.ts';
import { decoded, type PathMatcher } from '../paths.ts';

/** `/publishers/<maker>/models/<model>:rawPredict`: the maker's own body, with the model in the path. */
const RAW_PREDICT = /\/publishers\/([^/]+)\/models\/([^/:]+?)(?::|%3a)(raw|streamRaw)Predict$/i;
/** Takes the place of a model's name where tokens are counted, which costs nothing. */
const COUNTING = 'count-tokens';

/** Claude on Google's Vertex AI: Anthropic messages behind another path. */
export const vertexAnthropic: Dialect = {
  ...anthropicMessages,
  name: 'vertex-anthropic',
  localProvider: 'gcp.vertex_ai',
  matchPath: rawPredictOf('anthropic'),
};

/** Mistral on Google's Vertex AI: chat completions behind another path. */
export const vertexMistral: Dialect = {
  ...openaiChat,
  name: 'vertex-mistral',
  localProvider: 'gcp.vertex_ai',
  matchPath: rawPredictOf('mistralai'),
};

function rawPredictOf(maker: string): PathMatcher {
  return (pathname) => {
    const [, publisher = '', model = '', method = ''] = RAW_PREDICT.exec(pathname) ?? [];
    if (publisher !== maker || model === COUNTING) return null;
    return { evidence: 'proof', model: decoded(model), streams: method !== 'raw' };
  };
}

import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { TokenUsage } from '../../../../core/llm/usage.ts';
import type { Found } from '../../reader/json-scanner.ts';
import { asRecord, type RawUsage, responsesUsage } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from '../dialect.ts';
import { endingIn } from '../paths.ts';

/** Pictures by OpenAI and those compatible with it: newer models are billed by tokens, older ones by the picture. */
export const openaiImages: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-images',
  operation: 'image_generation',
  localProvider: null,
  matchPath: endingIn(['/images/generations', '/images/edits', '/images/variations']),
  requestKeys: ['prompt'],
  wanted: {
    type: 'value',
    model: 'value',
    usage: 'value',
    error: WANTED_ERROR,
    data: { '[]': 'count' },
  },
  stream: {
    content: /"type"\s*:\s*"image_(?:generation|edit)\.(?:partial_image|completed)"/,
    facts: /"type"\s*:\s*"(?:image_(?:generation|edit)\.completed|error)"/,
    // One event per picture, and none that says it was the last.
    end: null,
  },
  read: readImages,
  mergeUsage: addPictures,
  countTokens: imagesUsage,
  billedUnits: (usage) => {
    const images = tokenCount(usage['images']);
    return images === null || imagesUsage(usage) !== null ? null : { images };
  },
};

function readImages(found: Found): Facts {
  const completed = String(found.get('type')).endsWith('.completed');
  const images = completed ? 1 : found.get('data.[]');
  const usage = asRecord(found.get('usage'));
  return {
    ...NO_FACTS,
    model: found.get('model'),
    usage: usage === null && images === undefined ? null : { ...usage, images },
    failed: found.has('error'),
    errors: [found.get('error.code'), found.get('error.type')],
    errorMessage: found.get('error.message'),
  };
}

/** The last count of tokens is of the whole call; pictures come one by one. */
function addPictures(before: RawUsage, after: RawUsage): RawUsage {
  const images = (tokenCount(before['images']) ?? 0) + (tokenCount(after['images']) ?? 0);
  return { ...before, ...after, images };
}

/** What comes out are pictures unless the provider tells them apart from text. */
function imagesUsage(raw: RawUsage): TokenUsage | null {
  const details = asRecord(raw['output_tokens_details']) ?? { image_tokens: raw['output_tokens'] };
  return responsesUsage({ ...raw, output_tokens_details: details });
}

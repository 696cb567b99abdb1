import type { TokenUsage } from '../../../../core/llm/usage.ts';
import type { Found } from '../../reader/json-scanner.ts';
import { asRecord, chatUsage, type RawUsage, responsesUsage } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from '../dialect.ts';
import { endingIn } from '../paths.ts';

/** A recording is never longer; such a number is in another unit. */
const SECONDS_MAX = 1_000_000;

/** Audio to text, by OpenAI and those compatible with it: newer models are billed by tokens, others by the second. */
export const openaiTranscription: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-transcription',
  operation: 'transcription',
  localProvider: null,
  matchPath: endingIn(['/audio/transcriptions', '/audio/translations']),
  requestKeys: ['file'],
  wanted: { model: 'value', usage: 'value', duration: 'value', error: WANTED_ERROR },
  stream: {
    content: /"type"\s*:\s*"transcript(?:ion)?\.text\.delta"/,
    facts: /"type"\s*:\s*"(?:transcript(?:ion)?\.(?:text\.)?done|error)"/,
    end: /"type"\s*:\s*"transcript(?:ion)?\.(?:text\.)?done"/,
  },
  read: readAudio,
  // Mistral counts in the words of chat completions.
  countTokens: (usage) => ('prompt_tokens' in usage ? chatUsage(usage) : responsesUsage(usage)),
  billedUnits: (usage) => {
    const audioSeconds = seconds(usage['seconds'] ?? usage['prompt_audio_seconds']);
    return audioSeconds === null ? null : { audioSeconds };
  },
};

/** Text to audio. The answer is sound, which says nothing of tokens, unless it is asked for as a stream of events. */
export const openaiSpeech: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-speech',
  operation: 'speech',
  localProvider: null,
  matchPath: endingIn(['/audio/speech']),
  requestKeys: ['input', 'voice'],
  wanted: { usage: 'value', error: WANTED_ERROR },
  stream: {
    content: /"type"\s*:\s*"speech\.audio\.delta"/,
    facts: /"type"\s*:\s*"(?:speech\.audio\.done|error)"/,
    end: /"type"\s*:\s*"speech\.audio\.done"/,
  },
  read: readAudio,
  countTokens: speechUsage,
};

function readAudio(found: Found): Facts {
  const length = seconds(found.get('duration'));
  const usage = asRecord(found.get('usage')) ?? (length === null ? null : { seconds: length });
  return {
    ...NO_FACTS,
    model: found.get('model'),
    usage,
    failed: found.has('error'),
    errors: [found.get('error.code'), found.get('error.type')],
    errorMessage: found.get('error.message'),
  };
}

/** What comes out is sound unless the provider tells it apart from text. */
function speechUsage(raw: RawUsage): TokenUsage | null {
  const details = asRecord(raw['output_tokens_details']) ?? { audio_tokens: raw['output_tokens'] };
  return responsesUsage({ ...raw, output_tokens_details: details });
}

/** A length of time as a number, or as its text, which some servers send. */
function seconds(value: unknown): number | null {
  const length = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof length === 'number' && length >= 0 && length <= SECONDS_MAX ? length : null;
}

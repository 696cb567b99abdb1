import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { TokenUsage } from '../../../../core/llm/usage.ts';
import type { Found, Wanted } from '../../reader/json-scanner.ts';
import { asRecord, chatUsage, messagesUsage, type RawUsage, tokenUsage } from '../../tokens/raw-usage.ts';
import { mergeCounts } from '../anthropic-messages.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from '../dialect.ts';
import { converseUsage } from './converse.ts';
import { errorName, readBedrockHeaders } from './headers.ts';
import { bedrockPath } from './paths.ts';

/** Added by Bedrock to the last event of every stream, whatever the model. */
const METRICS = 'amazon-bedrock-invocationMetrics';

/** Bodies are those of each model's maker; what tells their tokens has a different name in each. */
const WANTED: Wanted = {
  // Anthropic, Nova, and makers that speak OpenAI's chat completions.
  model: 'value',
  usage: 'value',
  message: { model: 'value', usage: 'value' },
  metadata: { usage: 'value' },
  stop_reason: 'value',
  delta: { stop_reason: 'value' },
  choices: { '[]': { finish_reason: 'value', stop_reason: 'value' } },
  stopReason: 'value',
  messageStop: { stopReason: 'value' },
  // Llama.
  prompt_token_count: 'value',
  generation_token_count: 'value',
  // Titan, text and embeddings.
  inputTextTokenCount: 'value',
  totalOutputTextTokenCount: 'value',
  completionReason: 'value',
  results: { '[]': { tokenCount: 'sum', completionReason: 'value' } },
  // Mistral, Cohere.
  outputs: { '[]': { stop_reason: 'value' } },
  finish_reason: 'value',
  generations: { '[]': { finish_reason: 'value' } },
  // Pictures.
  images: { '[]': 'count' },
  [METRICS]: 'value',
  __type: 'value',
  error: { type: 'value', details: { message: 'value' } },
};

/** Amazon Bedrock's InvokeModel and InvokeModelWithResponseStream, with the body of whatever model is run. */
export const bedrockInvoke: Dialect = {
  ...COMMON_DIALECT,
  name: 'bedrock-invoke',
  operation: 'chat',
  localProvider: 'aws.bedrock',
  matchPath: bedrockPath('invoke'),
  requestKeys: [],
  wanted: WANTED,
  stream: {
    content:
      /"(?:text|thinking|partial_json|generation|outputText|completion|content|input)"\s*:\s*"[^"]|"type"\s*:\s*"(?:tool_use|redacted_thinking)"|"toolUse"\s*:\s*\{/,
    facts:
      /"type"\s*:\s*"(?:message_start|message_delta)"|"amazon-bedrock-invocationMetrics"|"usage"\s*:\s*\{|^\{"error"|"(?:finish_reason|stop_reason|completionReason|stopReason)"\s*:\s*"/,
    end: /"amazon-bedrock-invocationMetrics"\s*:\s*\{/,
  },
  read: readInvoke,
  readHeaders: readBedrockHeaders,
  mergeUsage: mergeCounts,
  countTokens: invokeUsage,
  totalTokens: (usage) => tokenCount(usage['total_tokens']) ?? tokenCount(usage['totalTokens']),
  billedUnits: (usage) => {
    const images = tokenCount(usage['images']);
    return images === null ? null : { images };
  },
};

/** Pictures by InvokeModel: Amazon's and Stability's. */
export const bedrockImages: Dialect = {
  ...bedrockInvoke,
  name: 'bedrock-images',
  operation: 'image_generation',
  matchPath: bedrockPath('invoke', /[.-]image-generator|[.-]canvas|^(?:\w+\.)?stability\./),
};

/** Embeddings by InvokeModel: Titan's and Cohere's. */
export const bedrockEmbeddings: Dialect = {
  ...bedrockInvoke,
  name: 'bedrock-embeddings',
  operation: 'embeddings',
  matchPath: bedrockPath('invoke', /[.-]embed/),
};

/** Reranking by InvokeModel: Amazon's and Cohere's. */
export const bedrockRerank: Dialect = {
  ...bedrockInvoke,
  name: 'bedrock-rerank',
  operation: 'rerank',
  matchPath: bedrockPath('invoke', /[.-]rerank/),
};

function readInvoke(found: Found): Facts {
  const startUsage = asRecord(found.get('message.usage'));
  const usage = usageOf(found, startUsage);
  const metrics = found.has(METRICS);
  // Llama counts along with every event; the last one also says why it stopped.
  const counting = found.has('prompt_token_count') && typeof found.get('stop_reason') !== 'string';
  const begun = startUsage !== null && !found.has('usage');
  return {
    ...NO_FACTS,
    model: found.get('model') ?? found.get('message.model'),
    usage,
    provisional: !metrics && (begun || counting),
    failed: found.has('error') || found.has('__type'),
    errors: [found.get('error.type'), errorName(found.get('__type'))],
    errorMessage: found.get('error.details.message'),
    finishReason: stopReason(found),
  };
}

/** Everything that counts, in one object, each maker's words as they are: they do not overlap. */
function usageOf(found: Found, startUsage: RawUsage | null): RawUsage | null {
  const images = found.get('images.[]');
  const counts: RawUsage = {
    ...startUsage,
    ...asRecord(found.get('usage')),
    ...asRecord(found.get('metadata.usage')),
    ...asRecord(found.get(METRICS)),
    ...said('prompt_token_count', found.get('prompt_token_count')),
    ...said('generation_token_count', found.get('generation_token_count')),
    ...said('inputTextTokenCount', found.get('inputTextTokenCount')),
    ...said('resultTokenCount', found.get('totalOutputTextTokenCount') ?? found.get('results.[].tokenCount')),
    ...said('images', images),
  };
  return Object.keys(counts).length === 0 ? null : counts;
}

const said = (key: string, value: unknown): RawUsage => (typeof value === 'number' ? { [key]: value } : {});

function stopReason(found: Found): unknown {
  const places = [
    'stop_reason',
    'delta.stop_reason',
    'choices.[].finish_reason',
    'choices.[].stop_reason',
    'stopReason',
    'messageStop.stopReason',
    'completionReason',
    'results.[].completionReason',
    'outputs.[].stop_reason',
    'finish_reason',
    'generations.[].finish_reason',
  ];
  return places.map((place) => found.get(place)).find((reason) => typeof reason === 'string');
}

/** The maker's own count where it gives one, since it tells more apart; else Bedrock's. */
function invokeUsage(raw: RawUsage): TokenUsage | null {
  return messagesUsage(raw) ?? converseUsage(raw) ?? chatUsage(raw) ?? llamaUsage(raw) ?? bedrockUsage(raw);
}

function llamaUsage(raw: RawUsage): TokenUsage | null {
  const input = tokenCount(raw['prompt_token_count']) ?? tokenCount(raw['inputTextTokenCount']);
  const output = tokenCount(raw['generation_token_count']) ?? tokenCount(raw['resultTokenCount']);
  if (input === null && output === null) return null;
  // Part of the counts may come from Bedrock alone: an aborted stream has no last event.
  return tokenUsage({
    inputUncached: input ?? tokenCount(raw['inputTokenCount']) ?? 0,
    outputText: output ?? tokenCount(raw['outputTokenCount']) ?? 0,
  });
}

function bedrockUsage(raw: RawUsage): TokenUsage | null {
  return messagesUsage({
    input_tokens: raw['inputTokenCount'],
    output_tokens: raw['outputTokenCount'],
    cache_read_input_tokens: raw['cacheReadInputTokenCount'],
    cache_creation_input_tokens: raw['cacheWriteInputTokenCount'],
  });
}

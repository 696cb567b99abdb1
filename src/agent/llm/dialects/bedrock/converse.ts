import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { TokenUsage } from '../../../../core/llm/usage.ts';
import type { Found } from '../../reader/json-scanner.ts';
import { asRecord, messagesUsage, type RawUsage } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from '../dialect.ts';
import { errorName, readBedrockHeaders } from './headers.ts';
import { bedrockPath } from './paths.ts';

/** Amazon Bedrock's Converse and ConverseStream: one API for all its models. */
export const bedrockConverse: Dialect = {
  ...COMMON_DIALECT,
  name: 'bedrock-converse',
  operation: 'chat',
  localProvider: 'aws.bedrock',
  matchPath: bedrockPath('converse'),
  requestKeys: ['messages'],
  wanted: {
    usage: 'value',
    stopReason: 'value',
    serviceTier: { type: 'value' },
    __type: 'value',
    message: 'value',
    metadata: { usage: 'value', serviceTier: { type: 'value' } },
    messageStop: { stopReason: 'value' },
    error: { type: 'value', details: { message: 'value' } },
  },
  stream: {
    content: /^\{"contentBlock(?:Delta|Start)":.*?"(?:(?:text|input)"\s*:\s*"[^"]|toolUse"\s*:\s*\{)/,
    facts: /^\{"(?:metadata|messageStop|error)"/,
    end: /^\{"metadata"/,
  },
  read: readConverse,
  readHeaders: readBedrockHeaders,
  countTokens: converseUsage,
  totalTokens: (usage) => tokenCount(usage['totalTokens']),
};

function readConverse(found: Found): Facts {
  return {
    ...NO_FACTS,
    usage: asRecord(found.get('usage')) ?? asRecord(found.get('metadata.usage')),
    failed: found.has('error') || found.has('__type') || typeof found.get('message') === 'string',
    errors: [found.get('error.type'), errorName(found.get('__type'))],
    errorMessage: found.get('error.details.message') ?? found.get('message'),
    finishReason: found.get('stopReason') ?? found.get('messageStop.stopReason'),
    serviceTier: found.get('serviceTier.type') ?? found.get('metadata.serviceTier.type'),
  };
}

/**
 * Usage as Converse, and Amazon's own models, count it: cached tokens are not part of the input. Where the total says that
 * they are, as some models' streams do, they are taken out of it.
 */
export function converseUsage(raw: RawUsage): TokenUsage | null {
  const cacheRead = tokenCount(raw['cacheReadInputTokens']) ?? tokenCount(raw['cacheReadInputTokenCount']);
  const cacheWrite = tokenCount(raw['cacheWriteInputTokens']) ?? tokenCount(raw['cacheWriteInputTokenCount']);
  const input = tokenCount(raw['inputTokens']);
  const output = tokenCount(raw['outputTokens']);
  const cached = (cacheRead ?? 0) + (cacheWrite ?? 0);
  const inside = cached <= (input ?? 0) && tokenCount(raw['totalTokens']) === (input ?? 0) + (output ?? 0);
  return messagesUsage({
    input_tokens: inside && input !== null ? input - cached : input,
    output_tokens: output,
    cache_read_input_tokens: cacheRead,
    cache_creation_input_tokens: cacheWrite,
    cache_creation: { ephemeral_1h_input_tokens: writtenForAnHour(raw['cacheDetails']) },
  });
}

/** Converse says per lifetime what was written: `[{"ttl":"1h","inputTokens":5}]`. */
function writtenForAnHour(details: unknown): number {
  if (!Array.isArray(details)) return 0;
  const hours = details.filter((detail) => asRecord(detail)?.['ttl'] === '1h');
  return hours.reduce((sum: number, detail) => sum + (tokenCount(asRecord(detail)?.['inputTokens']) ?? 0), 0);
}

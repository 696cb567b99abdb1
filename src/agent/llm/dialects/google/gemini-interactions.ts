import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { Found, Wanted } from '../../reader/json-scanner.ts';
import { asRecord, type RawUsage } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from '../dialect.ts';
import { matching } from '../paths.ts';
import { generatedUsage } from './gemini.ts';

const WANTED_INTERACTION: Wanted = {
  model: 'value',
  status: 'value',
  service_tier: 'value',
  usage: 'value',
};
/** Some of its counts are in every usage of this API and in nobody else's. */
const COUNTS = ['total_input_tokens', 'total_output_tokens'];

const UNFINISHED: readonly unknown[] = ['in_progress', 'queued'];

/** Gemini's Interactions API. What runs in the background is counted where it is fetched, which is no call. */
export const geminiInteractions: Dialect = {
  ...COMMON_DIALECT,
  name: 'gemini-interactions',
  operation: 'generate_content',
  localProvider: 'gcp.gemini',
  matchPath: matching(/\/interactions$/),
  requestKeys: ['input'],
  answerMustTell: true,
  wanted: {
    ...WANTED_INTERACTION,
    event_type: 'value',
    interaction: WANTED_INTERACTION,
    error: { code: 'value', status: 'value', message: 'value' },
  },
  stream: {
    content: /"event_type"\s*:\s*"step\.delta"/,
    facts: /"event_type"\s*:\s*"(?:interaction\.(?:created|completed|failed)|error)"/,
    end: /"event_type"\s*:\s*"interaction\.(?:completed|failed)"/,
  },
  read: readInteraction,
  countTokens: (usage) => generatedUsage(asGenerated(usage)),
};

function readInteraction(found: Found): Facts {
  const of = (key: string) => found.get(key) ?? found.get(`interaction.${key}`);
  const usage = asRecord(of('usage'));
  const status = of('status');
  const event = String(found.get('event_type'));
  return {
    ...NO_FACTS,
    model: of('model'),
    usage,
    failed: found.has('error') || status === 'failed',
    errors: [found.get('error.status'), found.get('error.code')],
    errorMessage: found.get('error.message'),
    finishReason: UNFINISHED.includes(status) ? undefined : status,
    serviceTier: of('service_tier'),
    telling: event.startsWith('interaction.') || COUNTS.some((key) => usage !== null && key in usage),
  };
}

/** The same counts in the words of `generateContent`. */
function asGenerated(usage: RawUsage): RawUsage {
  return {
    promptTokenCount: usage['total_input_tokens'],
    cachedContentTokenCount: usage['total_cached_tokens'],
    candidatesTokenCount: usage['total_output_tokens'],
    thoughtsTokenCount: usage['total_thought_tokens'],
    toolUsePromptTokenCount: usage['total_tool_use_tokens'],
    totalTokenCount: usage['total_tokens'],
    promptTokensDetails: modalities(usage['input_tokens_by_modality']),
    cacheTokensDetails: modalities(usage['cached_tokens_by_modality']),
    candidatesTokensDetails: modalities(usage['output_tokens_by_modality']),
  };
}

function modalities(counts: unknown): readonly RawUsage[] {
  if (!Array.isArray(counts)) return [];
  return counts.map((count) => ({
    modality: String(asRecord(count)?.['modality']).toUpperCase(),
    tokenCount: tokenCount(asRecord(count)?.['tokens']),
  }));
}

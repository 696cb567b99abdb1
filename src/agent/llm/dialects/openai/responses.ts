import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { BilledUnits } from '../../../../core/llm/usage.ts';
import type { Found, Wanted, Words } from '../../reader/json-scanner.ts';
import { asRecord, type RawUsage, responsesUsage, searchesMade } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from '../dialect.ts';
import { endingIn } from '../paths.ts';

const WANTED_RESPONSE: Wanted = {
  id: 'value',
  object: 'value',
  model: 'value',
  usage: 'value',
  status: 'value',
  service_tier: 'value',
  incomplete_details: { reason: 'value' },
  error: WANTED_ERROR,
  output: { '[]': { type: 'words', action: { type: 'words' } } },
};

/** Statuses that say why there is no more. */
const ENDED: ReadonlySet<unknown> = new Set(['completed', 'cancelled']);
/** Statuses of a response that goes on in the background. */
const UNFINISHED: ReadonlySet<unknown> = new Set(['queued', 'in_progress']);
/** What a web search call does besides searching, which alone is billed (https://platform.openai.com/docs/guides/tools-web-search). */
const VISITS = ['open_page', 'find_in_page', 'find'];
/** Where the searches, which the answer's output shows, stand in the usage. */
const WEB_SEARCHES = 'web_searches';

/** The Responses API, and compacting a context for it. A stream repeats the whole response, usage included, in its last event. */
export const openaiResponses: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-responses',
  operation: 'chat',
  localProvider: null,
  matchPath: endingIn(['/responses', '/responses/compact']),
  requestKeys: ['input'],
  answerMustTell: true,
  wanted: { ...WANTED_RESPONSE, type: 'value', code: 'value', message: 'value', response: WANTED_RESPONSE },
  stream: {
    content: /"type"\s*:\s*"response\.[\w.]+\.delta"/,
    facts: /"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"/,
    end: /"type"\s*:\s*"response\.(?:completed|incomplete|failed)"/,
  },
  read: readResponse,
  countTokens: responsesUsage,
  billedUnits: (usage) => webSearches(usage) ?? searchesMade(usage),
};

function readResponse(found: Found): Facts {
  const errorEvent = found.get('type') === 'error';
  const of = (key: string) => found.get(key) ?? found.get(`response.${key}`);
  const status = of('status');
  return {
    ...NO_FACTS,
    model: of('model'),
    usage: withSearches(asRecord(of('usage')), of('output.[].type'), of('output.[].action.type')),
    failed: errorEvent || found.has('error') || found.has('response.error'),
    errors: [errorEvent ? found.get('code') : null, of('error.code'), of('error.type')],
    errorMessage: (errorEvent ? found.get('message') : undefined) ?? of('error.message'),
    // A response that is complete has no reason of its own.
    finishReason: of('incomplete_details.reason') ?? (ENDED.has(status) ? status : undefined),
    serviceTier: of('service_tier'),
    pendingId: UNFINISHED.has(status) ? of('id') : undefined,
    telling:
      of('object') === 'response' ||
      of('object') === 'response.compaction' ||
      String(found.get('type')).startsWith('response.'),
  };
}

function withSearches(usage: RawUsage | null, types: unknown, actions: unknown): RawUsage | null {
  const calls = timesOf(types, 'web_search_call');
  if (usage === null || calls === 0) return usage;
  const visits = VISITS.reduce((sum, action) => sum + timesOf(actions, action), 0);
  return { ...usage, [WEB_SEARCHES]: Math.max(0, calls - visits) };
}

const timesOf = (words: unknown, word: string): number =>
  words instanceof Map ? ((words as Words).get(word) ?? 0) : 0;

function webSearches(usage: RawUsage): BilledUnits | null {
  const searches = tokenCount(usage[WEB_SEARCHES]);
  return searches === null || searches === 0 ? null : { searches };
}

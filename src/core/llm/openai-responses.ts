import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from './dialect.ts';
import type { Found, Wanted } from './json-scanner.ts';
import { endingIn } from './paths.ts';
import { asRecord, responsesUsage } from './usage.ts';

const WANTED_RESPONSE: Wanted = {
  object: 'value',
  model: 'value',
  usage: 'value',
  status: 'value',
  service_tier: 'value',
  incomplete_details: { reason: 'value' },
  error: WANTED_ERROR,
};

/** The Responses API, and compacting a context for it. A stream repeats the whole response, usage included, in its last event. */
export const openaiResponses: Dialect = {
  ...COMMON_DIALECT,
  name: 'openai-responses',
  operation: 'chat',
  localProvider: 'openai',
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
};

function readResponse(found: Found): Facts {
  const errorEvent = found.get('type') === 'error';
  const of = (key: string) => found.get(key) ?? found.get(`response.${key}`);
  return {
    ...NO_FACTS,
    model: of('model'),
    usage: asRecord(found.get('usage')) ?? asRecord(found.get('response.usage')),
    failed: errorEvent || found.has('error') || found.has('response.error'),
    errors: [errorEvent ? found.get('code') : null, of('error.code'), of('error.type')],
    errorMessage: (errorEvent ? found.get('message') : undefined) ?? of('error.message'),
    // A response that is complete has no reason of its own.
    finishReason: of('incomplete_details.reason') ?? (of('status') === 'completed' ? 'completed' : undefined),
    serviceTier: of('service_tier'),
    telling:
      of('object') === 'response' ||
      of('object') === 'response.compaction' ||
      String(found.get('type')).startsWith('response.'),
  };
}

import { type Dialect, type Facts, lastUsage, WANTED_ERROR } from './dialect.ts';
import type { Found } from './json-scanner.ts';
import { asRecord, responsesUsage } from './usage.ts';

/** The Responses API. A stream repeats the whole response, usage included, in its last event. */
export const openaiResponses: Dialect = {
  name: 'openai-responses',
  operation: 'chat',
  localProvider: 'openai',
  paths: ['/responses'],
  pathIsEnough: false,
  header: null,
  requestKeys: ['input'],
  wanted: {
    type: 'value',
    code: 'value',
    model: 'value',
    usage: 'value',
    error: WANTED_ERROR,
    response: { model: 'value', usage: 'value', error: WANTED_ERROR },
  },
  stream: {
    content: /"type"\s*:\s*"response\.[\w.]+\.delta"/,
    facts: /"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"/,
    end: /"type"\s*:\s*"response\.(?:completed|incomplete|failed)"/,
  },
  read: readResponse,
  mergeUsage: lastUsage,
  countTokens: responsesUsage,
};

function readResponse(found: Found): Facts {
  const errorEvent = found.get('type') === 'error';
  return {
    model: found.get('model') ?? found.get('response.model'),
    usage: asRecord(found.get('usage')) ?? asRecord(found.get('response.usage')),
    provisional: false,
    failed: errorEvent || found.has('error') || found.has('response.error'),
    errors: [
      errorEvent ? found.get('code') : null,
      found.get('error.code'),
      found.get('error.type'),
      found.get('response.error.code'),
    ],
  };
}

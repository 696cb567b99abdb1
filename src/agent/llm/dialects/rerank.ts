import { tokenCount } from '../../../core/llm/token-counts.ts';
import type { BilledUnits } from '../../../core/llm/usage.ts';
import type { Found } from '../reader/json-scanner.ts';
import { asRecord, chatUsage, type RawUsage } from '../tokens/raw-usage.ts';
import { billedTokens, countsIn, searchUnits, WANTED_COUNTS } from './cohere.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from './dialect.ts';
import { endingIn } from './paths.ts';

/**
 * Rerankers, who all ask alike and count each in their own way: Cohere search units under `meta`, Voyage, Jina, Together and
 * vLLM tokens under `usage`, Pinecone units there.
 */
export const rerank: Dialect = {
  ...COMMON_DIALECT,
  name: 'rerank',
  operation: 'rerank',
  localProvider: null,
  matchPath: endingIn(['/rerank']),
  requestKeys: ['query', 'documents'],
  wanted: { model: 'value', message: 'value', usage: 'value', meta: WANTED_COUNTS, error: WANTED_ERROR },
  read: readRanking,
  countTokens: (usage) => billedTokens(usage) ?? chatUsage(usage),
  billedUnits: rankingUnits,
};

function readRanking(found: Found): Facts {
  const message = found.get('message');
  return {
    ...NO_FACTS,
    model: found.get('model'),
    usage: countsIn(found, 'meta') ?? asRecord(found.get('usage')),
    failed: found.has('error'),
    errors: [found.get('error.code'), found.get('error.type')],
    errorMessage: found.get('error.message') ?? (typeof message === 'string' ? message : undefined),
  };
}

function rankingUnits(usage: RawUsage): BilledUnits | null {
  const pinecone = tokenCount(usage['rerank_units']);
  return pinecone === null ? searchUnits(usage) : { searches: pinecone };
}

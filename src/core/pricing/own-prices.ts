import type { Rates } from './rates.ts';

/** Day on which the sources of these prices were last looked at. */
export const OWN_PRICES_DATE = '2026-11-22';

const COHERE = 'https://cohere.com/pricing';
const VOYAGE = 'https://docs.voyageai.com/docs/pricing';
const BEDROCK = 'https://aws.amazon.com/bedrock/pricing';

interface OwnPrice {
  /** Provider as the bundled table spells it. */
  readonly tableId: string;
  readonly model: string;
  readonly rates: Rates;
  readonly source: string;
}

const perSearch = (usd: number): Rates => ({ tokens: {}, units: { searches: usd } });
const perMillion = (usd: number): Rates => ({ tokens: { inputUncached: usd }, units: {} });

/** Rerankers and older embeddings, which the bundled table does not list. A table that does comes first. */
export const OWN_PRICES: readonly OwnPrice[] = [
  { tableId: 'cohere', model: 'rerank-v4.0-pro', rates: perSearch(0.0025), source: COHERE },
  { tableId: 'cohere', model: 'rerank-v4.0-fast', rates: perSearch(0.002), source: COHERE },
  { tableId: 'cohere', model: 'rerank-v3.5', rates: perSearch(0.002), source: COHERE },
  { tableId: 'cohere', model: 'rerank-english-v3.0', rates: perSearch(0.002), source: COHERE },
  { tableId: 'cohere', model: 'rerank-multilingual-v3.0', rates: perSearch(0.002), source: COHERE },
  { tableId: 'cohere', model: 'embed-english-v3.0', rates: perMillion(0.1), source: COHERE },
  { tableId: 'cohere', model: 'embed-multilingual-v3.0', rates: perMillion(0.1), source: COHERE },
  { tableId: 'voyageai', model: 'rerank-2.5', rates: perMillion(0.05), source: VOYAGE },
  { tableId: 'voyageai', model: 'rerank-2.5-lite', rates: perMillion(0.02), source: VOYAGE },
  { tableId: 'voyageai', model: 'rerank-2', rates: perMillion(0.05), source: VOYAGE },
  { tableId: 'voyageai', model: 'rerank-2-lite', rates: perMillion(0.02), source: VOYAGE },
  { tableId: 'aws', model: 'cohere.rerank-v3-5:0', rates: perSearch(0.002), source: BEDROCK },
  { tableId: 'aws', model: 'amazon.rerank-v1:0', rates: perSearch(0.001), source: BEDROCK },
];

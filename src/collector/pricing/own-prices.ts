import type { Rates } from './rates.ts';

/** Day on which the sources of these prices were read. */
export const OWN_PRICES_DATE = '2026-11-22';

// Lists that others keep: the maker's page was found without a price per search (Cohere's, 2026-10), or could not be read.
const COHERE_4 = 'https://developer.puter.com/tutorials/cohere-api-pricing/';
const COHERE_3 =
  'https://docs.memberjunction.org/api/classes/_memberjunction_search-engine.CohereReRanker.html';
const VOYAGE = 'https://www.getmaxim.ai/bifrost/model-library/provider/voyage';

interface OwnPrice {
  /** Provider as the bundled table spells it. */
  readonly tableId: string;
  readonly model: string;
  readonly rates: Rates;
  readonly source: string;
}

const perSearch = (usd: number): Rates => ({ tokens: {}, units: { searches: usd } });
const perMillion = (usd: number): Rates => ({ tokens: { inputUncached: usd }, units: {} });

/** Rerankers, which the bundled table does not list. A table that does comes first. */
export const OWN_PRICES: readonly OwnPrice[] = [
  { tableId: 'cohere', model: 'rerank-v4.0-pro', rates: perSearch(0.0025), source: COHERE_4 },
  { tableId: 'cohere', model: 'rerank-v4.0-fast', rates: perSearch(0.002), source: COHERE_4 },
  { tableId: 'cohere', model: 'rerank-v3.5', rates: perSearch(0.002), source: COHERE_3 },
  { tableId: 'cohere', model: 'rerank-english-v3.0', rates: perSearch(0.002), source: COHERE_3 },
  { tableId: 'cohere', model: 'rerank-multilingual-v3.0', rates: perSearch(0.002), source: COHERE_3 },
  { tableId: 'voyageai', model: 'rerank-2.5', rates: perMillion(0.05), source: VOYAGE },
  { tableId: 'voyageai', model: 'rerank-2.5-lite', rates: perMillion(0.02), source: VOYAGE },
  { tableId: 'voyageai', model: 'rerank-2', rates: perMillion(0.05), source: VOYAGE },
  { tableId: 'voyageai', model: 'rerank-2-lite', rates: perMillion(0.02), source: VOYAGE },
];

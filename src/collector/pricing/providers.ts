import { isLocalHost, makerOf } from '../../core/llm/providers.ts';

interface Alias {
  /** The name apps use. */
  readonly name: string;
  /** The name the price table has. */
  readonly model: string;
  /** Where it is written that both are one model, or cost the same. */
  readonly source: string;
}

const PRICES =
  'https://www.getmaxim.ai/bifrost/llm-cost-calculator/provider/xai/model/grok-4-1-fast-non-reasoning.md';
const SPELLING =
  'https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/grok/grok-4-1-fast';

/** Names that apps use and the price table does not know. All that xAI sells of Grok 4.1 costs the same, whether it reasons or not. */
const ALIASES: readonly Alias[] = [
  { name: 'grok-4-1', model: 'grok-4-1-fast-reasoning', source: PRICES },
  { name: 'grok-4.1-fast', model: 'grok-4-1-fast-reasoning', source: SPELLING },
];

const MODEL_OF = new Map(ALIASES.map(({ name, model }) => [name, model]));

/** Our provider ids (`gen_ai.provider.name`) that the price table spells otherwise. */
const TABLE_IDS: Readonly<Record<string, string>> = {
  x_ai: 'x-ai',
  xai: 'x-ai',
  mistral_ai: 'mistral',
  'azure.ai.openai': 'azure',
  'azure.ai.inference': 'azure',
  'gcp.gemini': 'google',
  'gcp.vertex_ai': 'google',
  'gcp.gen_ai': 'google',
  'aws.bedrock': 'aws',
};

/** Models that OpenAI's price list has although anybody can run them. */
const OPEN_WEIGHTS = /^(?:.*\/)?gpt-oss/;

/** What to look up: a model in a provider's price list. */
export interface PriceKey {
  readonly tableId: string;
  readonly model: string;
}

export interface PricedCall {
  readonly provider: string;
  readonly serverAddress: string | null;
  readonly model: string;
  readonly responseModel: string | null;
}

/**
 * Where the price of a call may be found, best first: the provider's own list with the model the provider says it used,
 * then with the one that was asked for. Behind a server that is no known provider's (a gateway, a stub on this machine) the
 * list of the model's maker. Azure resells OpenAI's models at OpenAI's prices.
 */
export function priceKeys(call: PricedCall): PriceKey[] {
  const names = [call.responseModel, call.model].flatMap((name) => (name === null ? [] : spellings(name)));
  const tableId = Object.hasOwn(TABLE_IDS, call.provider) ? TABLE_IDS[call.provider] : undefined;
  const own = tableId ?? call.provider;
  const keys = names.map((model): PriceKey => ({ tableId: own, model }));
  if (own === 'azure') return [...keys, ...names.map((model): PriceKey => ({ tableId: 'openai', model }))];
  if (isStandIn(call))
    return [...keys.filter(({ model }) => !OPEN_WEIGHTS.test(model)), ...names.flatMap(makersKey)];
  return keys;
}

/** The name itself, and without the maker's prefix that gateways put before it. */
function spellings(name: string): string[] {
  const bare = name.slice(name.lastIndexOf('/') + 1);
  return [...new Set([tableName(name), tableName(bare)])];
}

/** A server that speaks for somebody else: its provider id is its own host name, or it runs on this machine. */
function isStandIn(call: PricedCall): boolean {
  return (
    call.serverAddress === null || call.provider === call.serverAddress || isLocalHost(call.serverAddress)
  );
}

function makersKey(model: string): PriceKey[] {
  const maker = makerOf(model);
  return maker === null ? [] : [{ tableId: TABLE_IDS[maker] ?? maker, model }];
}

/** The name by which the price table knows a model. */
function tableName(model: string): string {
  return MODEL_OF.get(model) ?? model;
}

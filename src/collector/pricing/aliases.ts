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

/** The name by which the price table knows a model. */
export function tableName(model: string): string {
  return MODEL_OF.get(model) ?? model;
}

interface Alias {
  /** The name apps use. */
  readonly name: string;
  /** The name the price table has. */
  readonly model: string;
  /** Where it is written that both are one model, or cost the same. */
  readonly source: string;
}

const XAI = 'https://docs.x.ai/docs/models';
const OPENROUTER_XAI = 'https://openrouter.ai/x-ai/grok-4.1-fast';

/** Names that apps use and the price table does not know. All of Grok 4.1 costs the same, whether it reasons or not. */
const ALIASES: readonly Alias[] = [
  { name: 'grok-4-1', model: 'grok-4-1-fast-reasoning', source: XAI },
  { name: 'grok-4.1-fast', model: 'grok-4-1-fast-reasoning', source: OPENROUTER_XAI },
];

const MODEL_OF = new Map(ALIASES.map(({ name, model }) => [name, model]));

/** The name by which the price table knows a model. */
export function tableName(model: string): string {
  return MODEL_OF.get(model) ?? model;
}

import type { SpanRole } from './dialect.ts';

interface Operation {
  readonly role: SpanRole | null;
  /** In the words of `gen_ai.operation.name`. */
  readonly operation: string;
}

const call = (operation: string): Operation => ({ role: 'call', operation });
const around = (role: SpanRole | null): Operation => ({ role, operation: '' });

const CHAT = call('chat');
const COMPLETION = call('text_completion');
const EMBEDDINGS = call('embeddings');
const RERANK = call('rerank');
const IMAGE = call('image_generation');
const SPEECH = call('speech');
const TRANSCRIPTION = call('transcription');
const ROLLUP = around('rollup');
const RETRIEVAL = around('retrieval');
const TOOL = around('tool');
const NOTHING = around(null);

/**
 * What operations are: `gen_ai.operation.name` of the conventions and of those who go beyond them, `llm.request.type` of
 * OpenLLMetry and `openinference.span.kind`, none of which contradict each other.
 */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  chat: CHAT,
  'chat.completions': CHAT,
  call_llm: CHAT,
  responses: CHAT,
  response: CHAT,
  messages: CHAT,
  generate_content: call('generate_content'),
  text_completion: COMPLETION,
  'text.completions': COMPLETION,
  completion: COMPLETION,
  completions: COMPLETION,
  embeddings: EMBEDDINGS,
  embedding: EMBEDDINGS,
  rerank: RERANK,
  image: IMAGE,
  image_generation: IMAGE,
  audio: SPEECH,
  speech: SPEECH,
  transcription: TRANSCRIPTION,
  invoke_agent: ROLLUP,
  create_agent: ROLLUP,
  invoke_workflow: ROLLUP,
  plan: ROLLUP,
  agent_step: ROLLUP,
  agent: ROLLUP,
  workflow: ROLLUP,
  framework: ROLLUP,
  chain: ROLLUP,
  task: ROLLUP,
  guardrail: ROLLUP,
  evaluator: ROLLUP,
  prompt: ROLLUP,
  retrieval: RETRIEVAL,
  retrieve: RETRIEVAL,
  retriever: RETRIEVAL,
  execute_tool: TOOL,
  tool: TOOL,
  llm: CHAT,
  reranker: RERANK,
  /** Tells of an answer that its own call has told of. */
  fetch_response: NOTHING,
  'anthropic.messages.count_tokens': NOTHING,
  create_memory: NOTHING,
  update_memory: NOTHING,
  upsert_memory: NOTHING,
  delete_memory: NOTHING,
  create_memory_store: NOTHING,
  delete_memory_store: NOTHING,
  search_memory: NOTHING,
  unknown: ROLLUP,
};

/** What a word for an operation means, in any case; `undefined` when nobody says it. */
export function operationNamed(word: string): Operation | undefined {
  if (Object.hasOwn(OPERATIONS, word)) return OPERATIONS[word];
  const lower = word.toLowerCase();
  return Object.hasOwn(OPERATIONS, lower) ? OPERATIONS[lower] : undefined;
}

/** Which calls can be the inside of one another: a chat is no roll-up of the embeddings that were made for it. */
export type CallFamily = 'generation' | 'embeddings' | 'rerank';

export function familyOf(operation: string): CallFamily {
  return operation === 'embeddings' || operation === 'rerank' ? operation : 'generation';
}

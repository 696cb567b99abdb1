import { type Exchange, readRecordings } from '../support/recordings.ts';

/** What a recording goes through: the provider's own package, or LangChain's where that made it. */
export type Through = 'anthropic' | 'bedrock' | 'cohere' | 'google' | 'langchain' | 'openai' | 'pinecone';

/** Prompt and completion, and of these cached and reasoning tokens, as the recorded `usage` has them; else what becomes of a call without one. */
type Says = readonly [prompt: number, completion: number, cached: number, reasoning: number] | WithoutUsage;
type WithoutUsage = 'estimated' | 'none' | 'no call';

interface Recorded {
  readonly through: Through;
  readonly provider: string;
  readonly operation: string;
  /** One for each exchange. */
  readonly says: readonly Says[];
}

function by(through: Through, provider: string) {
  return (operation: string, ...says: readonly Says[]): Recorded => ({ through, provider, operation, says });
}

const anthropic = by('anthropic', 'anthropic');
const bedrock = by('bedrock', 'aws.bedrock');
const cohere = by('cohere', 'cohere');
const google = by('google', 'gcp.vertex_ai');
const langchain = by('langchain', 'openai');
const openai = by('openai', 'openai');
const pinecone = by('pinecone', 'pinecone');
// Together's documentation names OpenAI's package for its API.
const together = by('openai', 'together');

/** Every recording there is. */
export const RECORDED: Readonly<Record<string, Recorded>> = {
  'anthropic/should-set-attributes-in-span-for-messages': anthropic('chat', [17, 137, 0, 0]),
  'anthropic/should-set-attributes-in-span-for-messages-streaming': anthropic('chat', [17, 158, 0, 0]),
  'bedrock/should-set-cache-tokens-in-span-for-anthropic-messages-api-with-cached': bedrock(
    'chat',
    [23, 15, 5, 0],
  ),
  'bedrock/should-set-request-and-response-attributes-in-span-for-given-prompt': bedrock(
    'chat',
    [9, 26, 0, 0],
  ),
  'bedrock/should-set-request-and-response-attributes-in-span-for-given-prompt-wi': bedrock(
    'chat',
    [8, 17, 0, 0],
  ),
  'bedrock/should-set-request-and-response-attributes-in-span-for-given-prompt-wi-2': bedrock(
    'chat',
    [7, 149, 0, 0],
  ),
  'cohere/should-set-request-and-response-attributes-in-span-for-given-prompt': cohere(
    'chat',
    [23, 60, 0, 0],
  ),
  'cohere/should-set-request-and-response-attributes-in-span-for-given-prompt-wi': cohere(
    'chat',
    [23, 78, 0, 0],
  ),
  'cohere/should-set-request-and-response-attributes-in-span-for-given-prompt-wi-2': cohere(
    'text_completion',
    [5, 55, 0, 0],
  ),
  'google-genai/test-non-streaming-excludecontent-gemini-2-5-flash-vertexaiapi-sync-de': google(
    'generate_content',
    [8, 2631, 0, 2292],
  ),
  'google-genai/test-streaming-excludecontent-gemini-2-5-flash-vertexaiapi-sync-defaul': google(
    'generate_content',
    [8, 2056, 0, 1702],
  ),
  'google-genai/test-upload-hook-non-streaming-logcontent-gemini-2-5-flash-vertexaiapi': google(
    'generate_content',
    [8, 655, 0, 637],
  ),
  'langchain/should-set-attributes-in-span-for-agent-instrumentation': langchain(
    'chat',
    [91, 21, 0, 0],
    [120, 19, 0, 0],
  ),
  'langchain/should-set-attributes-in-span-for-bedrockchat-with-tools': bedrock('chat', [21, 67, 0, 0]),
  'openai/should-emit-logprobs-span-event-for-chat-completion': openai('chat', [15, 18, 0, 0]),
  'openai/should-set-attributes-in-span-for-completion': openai('text_completion', [8, 16, 0, 0]),
  'openai/should-set-attributes-in-span-for-function-calling': openai('chat', [82, 16, 0, 0]),
  'openai/should-set-attributes-in-span-for-image-generation': openai('image_generation', 'none'),
  'openai/should-set-attributes-in-span-for-responses-non-streaming': openai('chat', [14, 26, 0, 0]),
  'openai/should-set-attributes-in-span-for-streaming-chat': openai('chat', 'estimated'),
  'openai/should-set-cache-read-input-tokens-in-span-for-responses-with-cached-t': openai(
    'chat',
    [14, 26, 13, 0],
  ),
  'openai/test-async-chat-completion-multiple-choices': openai('chat', [12, 10, 0, 0]),
  'openai/test-async-chat-completion-no-content': openai('chat', [12, 12, 0, 0]),
  'openai/test-async-chat-completion-streaming': openai('chat', [12, 5, 0, 0]),
  'openai/test-async-embeddings-no-content': openai('embeddings', [7, 0, 0, 0]),
  'openai/test-async-embeddings-with-encoding-format': openai('embeddings', [9, 0, 0, 0]),
  'openai/test-chat-completion-extra-params': openai('chat', [12, 12, 0, 0]),
  'openai/test-chat-completion-handle-stop-sequences-as-string': openai('chat', [12, 12, 0, 0]),
  'openai/test-chat-completion-multiple-choices-streaming': openai('chat', [26, 104, 0, 0]),
  'openai/test-chat-completion-streaming': openai('chat', [12, 5, 0, 0]),
  'openai/test-chat-completion-streaming-not-complete': openai('chat', 'estimated'),
  'openai/test-embeddings-no-content': openai('embeddings', [6, 0, 0, 0]),
  'openai/test-responses-create-aggregates-cache-tokens-content-mode0': openai('chat', [22, 6, 0, 0]),
  'openai/test-responses-create-reports-reasoning-tokens-content-mode0': openai('chat', [44, 288, 0, 9]),
  'openai/test-responses-create-streaming-captures-content-content-mode0': openai('chat', [22, 6, 0, 0]),
  'openai/test-responses-create-streaming-iteration-content-mode0': openai('chat', [20, 10, 0, 0]),
  'openai/test-responses-stream-wrapper-finalize-idempotent-content-mode0': openai('chat', [22, 6, 0, 0]),
  'pinecone/should-set-attributes-in-span-for-db-deletes': pinecone(
    '',
    'no call',
    'no call',
    'no call',
    'no call',
    'no call',
  ),
  'together/should-set-attributes-in-span-for-completion': together('text_completion', [8, 349, 0, 0]),
  'together/should-set-attributes-in-span-for-streaming-completion': together(
    'text_completion',
    [8, 402, 0, 0],
  ),
  'together/should-set-attributes-in-span-for-tool-calling': together('chat', [333, 17, 0, 0]),
  'together/should-set-function-call-attributes-in-span-for-stream-completion-when': together(
    'chat',
    'estimated',
  ),
  'vertexai/test-function-call-choice-no-content': google('generate_content', [74, 408, 0, 392]),
  'vertexai/test-generate-content-invalid-role': google('generate_content', 'none'),
  'vertexai/test-tool-events': google('generate_content', [128, 718, 0, 692]),
  'vertexai/test-tool-events-no-content': google('generate_content', [128, 447, 0, 425]),
};

/**
 * How answers are sent: `as recorded`, an event a piece; or in `gzip`, which recordings have lost, to packages that accept it,
 * and cut anywhere. Amazon's package accepts none and speaks two versions of HTTP.
 */
export type Serving = 'as recorded' | 'gzip' | 'HTTP/1.1';

/** One exchange, played once. */
export interface Play extends Omit<Recorded, 'says'> {
  /** By which its row is found. */
  readonly name: string;
  readonly exchange: Exchange;
  readonly serving: Serving;
  readonly says: Says;
}

/** What an app plays with a package, in this order. */
export function playsThrough(through: Through): readonly Play[] {
  const servings: readonly Serving[] = ['as recorded', through === 'bedrock' ? 'HTTP/1.1' : 'gzip'];
  const played = readRecordings().filter(({ name }) => RECORDED[name]?.through === through);
  return servings.flatMap((serving) =>
    played.flatMap(({ name, exchanges }) =>
      exchanges.map((exchange, i) => ({
        ...(RECORDED[name] as Recorded),
        ...{ name: `${name} ${i + 1} ${serving}`, exchange, serving },
        says: RECORDED[name]?.says[i] as Says,
      })),
    ),
  );
}

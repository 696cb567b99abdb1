/** What a row must say of a call, besides its times. */
export interface ExpectedRow {
  readonly provider: string;
  readonly model: string;
  readonly operation: string;
  readonly streaming: boolean;
  /** Prompt, completion, and of these cached and reasoning ones; `null` where the provider counts no tokens. */
  readonly tokens: readonly [prompt: number, completion: number, cached: number, reasoning: number] | null;
}

function row(
  [provider, model]: readonly [provider: string, model: string],
  operation: string,
  tokens: ExpectedRow['tokens'],
  streaming = false,
): ExpectedRow {
  return { provider, model, operation, streaming, tokens };
}

const STREAMS = true;
const CLAUDE_ON_BEDROCK = ['aws.bedrock', 'anthropic.claude-sonnet-4-5-20250929-v1:0'] as const;
const GEMINI = ['gcp.gemini', 'gemini-2.5-flash'] as const;
const COMMAND = ['cohere', 'command-a-03-2025'] as const;
const RERANKED = row(['cohere', 'rerank-v3.5'], 'rerank', null);
const EMBEDDED = row(['openai', 'text-embedding-3-small'], 'embeddings', [6, 0, 0, 0]);

/** The calls of `apps/call-all.ts` with the figures that `answers.ts` sends. */
export const EXPECTED: Readonly<Record<string, ExpectedRow>> = {
  'openai chat': row(['openai', 'gpt-4o-mini'], 'chat', [12, 12, 0, 0]),
  'openai chat stream': row(['openai', 'gpt-4'], 'chat', [12, 5, 0, 0], STREAMS),
  'openai responses': row(['openai', 'gpt-5.4'], 'chat', [44, 288, 0, 9]),
  'openai responses stream': row(['openai', 'gpt-4o-mini'], 'chat', [20, 10, 0, 0], STREAMS),
  'openai embeddings': EMBEDDED,
  'groq chat': row(['groq', 'llama-3.3-70b-versatile'], 'chat', [20, 5, 0, 0]),
  'groq chat stream': row(['groq', 'llama-3.3-70b-versatile'], 'chat', [21, 6, 0, 0], STREAMS),
  'ai generateText': row(['openai', 'gpt-5.4'], 'chat', [44, 288, 0, 9]),
  'ai streamText': row(['openai', 'gpt-4o-mini'], 'chat', [20, 10, 0, 0], STREAMS),
  'ai embed': EMBEDDED,
  'ai embedMany': EMBEDDED,
  'ai rerank': RERANKED,
  'langchain invoke': row(['openai', 'gpt-4o-mini'], 'chat', [12, 12, 0, 0]),
  'langchain stream': row(['openai', 'gpt-4'], 'chat', [12, 5, 0, 0], STREAMS),
  'langchain embedQuery': EMBEDDED,
  'anthropic messages': row(['anthropic', 'claude-sonnet-4-6'], 'chat', [57, 5, 40, 0]),
  'anthropic messages stream': row(['anthropic', 'claude-3-opus-20240229'], 'chat', [17, 158, 0, 0], STREAMS),
  'google generateContent': row(GEMINI, 'generate_content', [8, 2631, 0, 2292]),
  'google generateContentStream': row(GEMINI, 'generate_content', [8, 2056, 0, 1702], STREAMS),
  'google embedContent': row(['gcp.gemini', 'gemini-embedding-001'], 'embeddings', null),
  'cohere chat': row(COMMAND, 'chat', [11, 4, 0, 0]),
  'cohere chatStream': row(COMMAND, 'chat', [11, 4, 0, 0], STREAMS),
  'cohere embed': row(['cohere', 'embed-v4.0'], 'embeddings', [5, 0, 0, 0]),
  'cohere rerank': RERANKED,
  'mistral chat': row(['mistral_ai', 'mistral-large-latest'], 'chat', [31, 7, 0, 0]),
  'mistral chat stream': row(['mistral_ai', 'mistral-large-latest'], 'chat', [32, 8, 0, 0], STREAMS),
  'mistral embeddings': row(['mistral_ai', 'mistral-embed'], 'embeddings', [6, 0, 0, 0]),
  'ollama chat': row(['ollama', 'llama3.2'], 'chat', [26, 8, 0, 0]),
  'ollama chat stream': row(['ollama', 'llama3.2'], 'chat', [26, 8, 0, 0], STREAMS),
  'ollama embed': row(['ollama', 'all-minilm'], 'embeddings', [4, 0, 0, 0]),
  'bedrock Converse': row(CLAUDE_ON_BEDROCK, 'chat', [15, 3, 6, 0]),
  'bedrock ConverseStream': row(CLAUDE_ON_BEDROCK, 'chat', [15, 3, 6, 0], STREAMS),
  'bedrock InvokeModel': row(
    ['aws.bedrock', 'anthropic.claude-3-5-sonnet-20241022-v2:0'],
    'chat',
    [23, 15, 5, 0],
  ),
};

/** Provider and model of calls that are refused once and tried again by the package itself. */
export const RETRIED: Readonly<Record<string, string>> = {
  'gpt-4o': 'openai',
  'llama-3.1-8b-instant': 'groq',
  'gpt-4.1': 'openai',
  'gpt-4-turbo': 'openai',
  'claude-haiku-4-5': 'anthropic',
  'gemini-2.5-pro': 'gcp.gemini',
  'command-r7b-12-2024': 'cohere',
  'mistral-small-latest': 'mistral_ai',
  'amazon.nova-lite-v1:0': 'aws.bedrock',
};

/** Provider of streams that the app leaves after the first event; `ai`, `google`, `ollama` and `bedrock` keep them open. */
export const LEFT: Readonly<Record<string, string>> = {
  'openai left': 'openai',
  'openai responses left': 'openai',
  'groq left': 'groq',
  'ai left': 'openai',
  'langchain left': 'openai',
  'anthropic left': 'anthropic',
  'google left': 'gcp.gemini',
  'cohere left': 'cohere',
  'mistral left': 'mistral_ai',
  'ollama left': 'ollama',
  'bedrock left': 'aws.bedrock',
};

import { isLocalHost, knownProvider, providerHere } from '../../../../core/llm/providers.ts';

/** What instrumentations call providers, where that is not the id we know them by (`core/llm/providers.ts`). */
const IDS: Readonly<Record<string, string>> = {
  'az.ai.openai': 'azure.ai.openai',
  'az.ai.inference': 'azure.ai.inference',
  azure: 'azure.ai.openai',
  azure_openai: 'azure.ai.openai',
  'azure-openai': 'azure.ai.openai',
  azureopenai: 'azure.ai.openai',
  azure_ai_openai: 'azure.ai.openai',
  azure_ai_inference: 'azure.ai.inference',
  'azure_ai-inference': 'azure.ai.inference',
  gemini: 'gcp.gemini',
  google: 'gcp.gemini',
  google_genai: 'gcp.gemini',
  'google.generative-ai': 'gcp.gemini',
  google_generative_ai: 'gcp.gemini',
  vertex_ai: 'gcp.vertex_ai',
  vertexai: 'gcp.vertex_ai',
  vertex: 'gcp.vertex_ai',
  'google.vertex': 'gcp.vertex_ai',
  google_vertexai: 'gcp.vertex_ai',
  'google-vertex': 'gcp.vertex_ai',
  xai: 'x_ai',
  'x-ai': 'x_ai',
  mistral: 'mistral_ai',
  mistralai: 'mistral_ai',
  bedrock: 'aws.bedrock',
  aws: 'aws.bedrock',
  aws_bedrock: 'aws.bedrock',
  amazon: 'aws.bedrock',
  amazon_bedrock: 'aws.bedrock',
  'amazon-bedrock': 'aws.bedrock',
  watsonx: 'ibm.watsonx.ai',
  'ibm.watsonx': 'ibm.watsonx.ai',
  together_ai: 'together',
  togetherai: 'together',
  fireworks_ai: 'fireworks',
  'fireworks-ai': 'fireworks',
  moonshot_ai: 'moonshotai',
  moonshot: 'moonshotai',
  hugging_face: 'huggingface',
  voyage: 'voyageai',
  voyage_ai: 'voyageai',
  gateway: 'vercel',
  'ai-gateway': 'vercel',
};

/** What the AI SDK appends to a provider's name. */
const APIS: ReadonlySet<string> = new Set([
  'anthropic',
  'chat',
  'completion',
  'completions',
  'embedding',
  'embeddings',
  'image',
  'messages',
  'reranking',
  'responses',
  'speech',
  'textembedding',
  'text-embedding',
  'transcription',
]);

/** Providers whose names other servers go by: the SDKs of OpenAI and Anthropic are used with many. */
const STOOD_IN_FOR: ReadonlySet<string> = new Set(['openai', 'anthropic']);
const UNKNOWN = 'unknown';
/** Names come from anybody; past so many they are worked out again each time. */
const KNOWN_MAX = 500;
const PROVIDER_CHARS_MAX = 64;

const known = new Map<string, string>();

/** Which server a span names, and for what. */
export interface CalledServer {
  readonly host: string | null;
  readonly port: number | undefined;
  readonly model: string;
}

/** Our id of the provider that a span names, or that the host it names belongs to. */
export function providerId(name: string | null, { host, port, model }: CalledServer): string {
  const byHost = host === null ? null : knownProvider(host);
  if (name === null) return byHost ?? (host === null || isLocalHost(host) ? UNKNOWN : host);
  const id = byName(name);
  if (host === null || !STOOD_IN_FOR.has(id)) return id;
  return byHost ?? (isLocalHost(host) ? providerHere(host, port, model) : id);
}

function byName(name: string): string {
  const found = known.get(name);
  if (found !== undefined) return found;
  const id = lookUp(name.slice(0, PROVIDER_CHARS_MAX).toLowerCase());
  if (known.size < KNOWN_MAX) known.set(name, id);
  return id;
}

/** `google.vertex.chat` is tried whole, then without its last parts: the AI SDK names the API of a provider, too. */
function lookUp(name: string): string {
  for (let part = name; ; part = part.slice(0, part.lastIndexOf('.'))) {
    if (Object.hasOwn(IDS, part)) return IDS[part] ?? part;
    if (!APIS.has(part.slice(part.lastIndexOf('.') + 1)) || !part.includes('.')) return part;
  }
}

/** Provider ids by host name: those of `gen_ai.provider.name` where the semantic conventions have one. */
const PROVIDERS: Readonly<Record<string, string>> = {
  'api.openai.com': 'openai',
  'eu.api.openai.com': 'openai',
  'us.api.openai.com': 'openai',
  'api.anthropic.com': 'anthropic',
  'api.x.ai': 'x_ai',
  'api.groq.com': 'groq',
  'api.deepseek.com': 'deepseek',
  'api.mistral.ai': 'mistral_ai',
  'codestral.mistral.ai': 'mistral_ai',
  'api.together.xyz': 'together',
  'api.together.ai': 'together',
  'api.fireworks.ai': 'fireworks',
  'openrouter.ai': 'openrouter',
  'api.perplexity.ai': 'perplexity',
  'api.cohere.com': 'cohere',
  'api.cohere.ai': 'cohere',
  'api.cerebras.ai': 'cerebras',
  'api.voyageai.com': 'voyageai',
  'ai.mongodb.com': 'voyageai',
  'api.jina.ai': 'jina',
  'deepsearch.jina.ai': 'jina',
  'api.pinecone.io': 'pinecone',
  'ollama.com': 'ollama',
  'api.moonshot.ai': 'moonshotai',
  'api.moonshot.cn': 'moonshotai',
  'api.minimax.io': 'minimax',
  'api.minimaxi.com': 'minimax',
  'inference.baseten.co': 'baseten',
  'api.z.ai': 'zai',
  'open.bigmodel.cn': 'zhipuai',
  'api.novita.ai': 'novita',
  'api.deepinfra.com': 'deepinfra',
  'api.sambanova.ai': 'sambanova',
  'integrate.api.nvidia.com': 'nvidia',
  'dashscope.aliyuncs.com': 'alibaba',
  'dashscope-intl.aliyuncs.com': 'alibaba',
  'router.huggingface.co': 'huggingface',
  'ai-gateway.vercel.sh': 'vercel',
  'models.github.ai': 'github',
  'generativelanguage.googleapis.com': 'gcp.gemini',
};

/** Hosts with a region or a customer's name in them. */
const PATTERNS: readonly (readonly [pattern: RegExp, provider: string])[] = [
  [/\.(?:openai|services\.ai|cognitiveservices)\.azure\.com$/, 'azure.ai.openai'],
  [/\.models\.ai\.azure\.com$/, 'azure.ai.inference'],
  [/^(?:[\w-]+-)?aiplatform(?:\.[\w-]+\.rep)?\.googleapis\.com$/, 'gcp.vertex_ai'],
  [
    /^(?:[\w-]+\.)?bedrock-(?:runtime|mantle)(?:-fips)?\.[\w-]+\.(?:(?:vpce\.)?amazonaws\.com(?:\.cn)?|api\.aws)$/,
    'aws.bedrock',
  ],
  [/^[\w-]+\.api\.x\.ai$/, 'x_ai'],
];

let lastHost = '';
let lastProvider: string | null = null;

/** The provider that a host belongs to, `null` when it is nobody's we know. */
export function knownProvider(host: string): string | null {
  // Apps mostly call the same one again.
  if (host !== lastHost) {
    lastProvider = lookUp(host);
    lastHost = host;
  }
  return lastProvider;
}

function lookUp(host: string): string | null {
  if (Object.hasOwn(PROVIDERS, host)) return PROVIDERS[host] ?? null;
  return PATTERNS.find(([pattern]) => pattern.test(host))?.[1] ?? null;
}

/**
 * Who makes a model that only its maker, or somebody on the maker's behalf, serves. Open-weight models are missing on
 * purpose: anybody may run them, and whoever does so on his own machine pays nobody per token.
 */
const MAKERS: readonly (readonly [pattern: RegExp, provider: string])[] = [
  [/^(?:ft:)?(?:gpt-(?!oss)|chatgpt-|o[1-9](?:-|$))/, 'openai'],
  [/^(?:text-embedding-(?:3-|ada-)|whisper-1$|tts-1|dall-e-|(?:davinci|babbage)-002$)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^grok-(?!1(?:$|-))/, 'x_ai'],
  [/^gemini-/, 'gcp.gemini'],
  [/^(?:rerank|embed)-(?:v\d|english-|multilingual-)/, 'cohere'],
];

/** The provider that a model's name tells, whatever stands before its last `/`; `null`: anybody may serve it. */
export function makerOf(model: string): string | null {
  const name = model.slice(model.lastIndexOf('/') + 1);
  return MAKERS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Servers of models by the port that each has unless it is told another. */
const SERVERS_BY_PORT: Readonly<Record<number, string>> = {
  1234: 'lm_studio',
  8000: 'vllm',
  11434: 'ollama',
};

/**
 * The provider behind a server on this machine that speaks what everybody speaks: a gateway to the model's maker, a server
 * known by its port, else nobody we know, and then it is the host.
 */
export function providerHere(host: string, port: number | undefined, model: string): string {
  return makerOf(model) ?? SERVERS_BY_PORT[port ?? 0] ?? host;
}

/** This machine, as a container on it calls it. */
const FROM_CONTAINERS = 'host.docker.internal';

/** Whether a host name means this machine. */
export function isLocalHost(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    host === '::1' ||
    host === FROM_CONTAINERS ||
    /^127\.\d+\.\d+\.\d+$/.test(host)
  );
}

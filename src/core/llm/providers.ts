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
  'api.together.xyz': 'together',
  'api.together.ai': 'together',
  'api.fireworks.ai': 'fireworks',
  'openrouter.ai': 'openrouter',
  'api.perplexity.ai': 'perplexity',
  'api.cohere.com': 'cohere',
  'api.cohere.ai': 'cohere',
  'api.cerebras.ai': 'cerebras',
  'api.voyageai.com': 'voyageai',
  'generativelanguage.googleapis.com': 'gcp.gemini',
};

const AZURE_SUFFIXES = ['.openai.azure.com', '.services.ai.azure.com', '.cognitiveservices.azure.com'];

/** The provider that a host belongs to, `null` when it is nobody's we know. */
export function knownProvider(host: string): string | null {
  if (AZURE_SUFFIXES.some((suffix) => host.endsWith(suffix))) return 'azure.ai.openai';
  return Object.hasOwn(PROVIDERS, host) ? (PROVIDERS[host] ?? null) : null;
}

/** Whether a host name means this machine. */
export function isLocalHost(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    host === '::1' ||
    /^127\.\d+\.\d+\.\d+$/.test(host)
  );
}

import { tokenCount } from '../../../../core/llm/token-counts.ts';
import type { TokenUsage } from '../../../../core/llm/usage.ts';
import type { Found, Wanted } from '../../reader/json-scanner.ts';
import { asRecord, type RawUsage, tokenUsage } from '../../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from '../dialect.ts';
import { decoded, type PathMatch } from '../paths.ts';

/** `models/<model>:<method>` of AI Studio, `publishers/google/models/...`, `endpoints/...` of Vertex. */
const METHOD = /\/(?:models|tunedModels|endpoints)\/([^/:]+)(?::|%3a)(\w+)$/i;
/** The finish reasons by number, as answers with `enum-encoding=int` give them. */
const FINISH_REASONS = [
  'FINISH_REASON_UNSPECIFIED',
  'STOP',
  'MAX_TOKENS',
  'SAFETY',
  'RECITATION',
  'OTHER',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'MALFORMED_FUNCTION_CALL',
];
/** `Modality`, by name and by number. */
const IMAGE: readonly unknown[] = ['IMAGE', 2];
const AUDIO: readonly unknown[] = ['AUDIO', 4];

const WANTED_GOOGLE_ERROR: Wanted = { code: 'value', status: 'value', message: 'value' };

/** Gemini, at AI Studio and Vertex. Streams are server-sent events with `alt=sse`, otherwise one array of answers. */
export const geminiGenerate: Dialect = {
  ...COMMON_DIALECT,
  name: 'gemini-generate',
  operation: 'generate_content',
  localProvider: 'gcp.gemini',
  matchPath: (pathname) => methodIn(pathname, { generateContent: false, streamGenerateContent: true }),
  requestKeys: ['contents'],
  wanted: {
    modelVersion: 'value',
    usageMetadata: 'value',
    promptFeedback: { blockReason: 'value' },
    candidates: { '[]': { finishReason: 'value' } },
    error: WANTED_GOOGLE_ERROR,
  },
  stream: {
    content: /"text"\s*:\s*"[^"]|"(?:functionCall|inlineData|executableCode|codeExecutionResult)"\s*:\s*\{/,
    facts: /"(?:usageMetadata|error|promptFeedback)"\s*:\s*\{|"finishReason"\s*:/,
    end: /"finishReason"\s*:\s*(?:"|\d)/,
  },
  read: readAnswer,
  readHeaders: (header) => ({ ...NO_FACTS, serviceTier: header('x-gemini-service-tier') ?? undefined }),
  // An event may say no more than the kind of traffic.
  mergeUsage: (before, after) => ({ ...before, ...after }),
  countTokens: generatedUsage,
  totalTokens: (usage) => tokenCount(usage['totalTokenCount']),
};

/** Gemini's embeddings. AI Studio's older models give no usage. */
export const geminiEmbed: Dialect = {
  ...COMMON_DIALECT,
  name: 'gemini-embed',
  operation: 'embeddings',
  localProvider: 'gcp.gemini',
  matchPath: (pathname) => methodIn(pathname, { embedContent: false, batchEmbedContents: false }),
  requestKeys: [],
  wanted: { usageMetadata: 'value', error: WANTED_GOOGLE_ERROR },
  read: readAnswer,
  countTokens: generatedUsage,
  totalTokens: (usage) => tokenCount(usage['totalTokenCount']),
};

/** Vertex's embeddings: `predict` on a model of Google's that embeds, each text with its own count. */
export const vertexPredict: Dialect = {
  ...COMMON_DIALECT,
  name: 'vertex-predict',
  operation: 'embeddings',
  localProvider: 'gcp.vertex_ai',
  matchPath: (pathname) =>
    /\/publishers\/google\/models\/[^/:]*embedding[^/:]*(?::|%3a)predict$/i.test(pathname)
      ? methodIn(pathname, { predict: false })
      : null,
  requestKeys: ['instances'],
  wanted: {
    predictions: { '[]': { embeddings: { statistics: { token_count: 'sum' } } } },
    error: WANTED_GOOGLE_ERROR,
  },
  read: (found) => {
    const input = tokenCount(found.get('predictions.[].embeddings.statistics.token_count'));
    return { ...readAnswer(found), usage: input === null ? null : { input } };
  },
  countTokens: (usage) => tokenUsage({ inputUncached: tokenCount(usage['input']) ?? 0 }),
  totalTokens: () => null,
};

/** Imagen, at AI Studio and Vertex: billed by the picture. */
export const googleImages: Dialect = {
  ...COMMON_DIALECT,
  name: 'google-images',
  operation: 'image_generation',
  localProvider: 'gcp.gemini',
  matchPath: (pathname) =>
    /\/models\/(?:imagen|imagegeneration)[^/:]*(?::|%3a)predict$/i.test(pathname)
      ? methodIn(pathname, { predict: false })
      : null,
  requestKeys: ['instances'],
  wanted: { predictions: { '[]': 'count' }, error: WANTED_GOOGLE_ERROR },
  read: (found) => ({ ...readAnswer(found), usage: { images: found.get('predictions.[]') } }),
  countTokens: () => null,
  totalTokens: () => null,
  billedUnits: (usage) => {
    const images = tokenCount(usage['images']);
    return images === null ? null : { images };
  },
};

function methodIn(pathname: string, streams: Readonly<Record<string, boolean>>): PathMatch | null {
  const [, model = '', method = ''] = METHOD.exec(pathname) ?? [];
  if (!Object.hasOwn(streams, method)) return null;
  return { evidence: 'proof', model: decoded(model), streams: streams[method] ?? null };
}

function readAnswer(found: Found): Facts {
  const usage = asRecord(found.get('usageMetadata'));
  const reason = found.get('candidates.[].finishReason');
  const blocked = found.get('promptFeedback.blockReason');
  return {
    ...NO_FACTS,
    model: found.get('modelVersion'),
    usage: usage !== null && generatedUsage(usage) !== null ? usage : null,
    // Every event counts what came before it; the one that says why it stopped counts all.
    provisional: found.has('candidates') && reason === undefined,
    failed: found.has('error'),
    errors: [found.get('error.status'), found.get('error.code')],
    errorMessage: found.get('error.message'),
    finishReason: (typeof reason === 'number' ? FINISH_REASONS[reason] : reason) ?? blocked,
    serviceTier: tierOf(usage?.['trafficType']),
  };
}

/** `ON_DEMAND_FLEX` is the tier `flex`. */
function tierOf(traffic: unknown): string | undefined {
  return typeof traffic === 'string' ? traffic.toLowerCase().replace(/^on_demand_/, '') : undefined;
}

/** `usageMetadata`: cached tokens are part of the prompt; thoughts and what tools returned stand beside the rest. */
export function generatedUsage(raw: RawUsage): TokenUsage | null {
  const count = (key: string) => tokenCount(raw[key]);
  const prompt = count('promptTokenCount');
  const answer = count('candidatesTokenCount') ?? count('responseTokenCount');
  const total = count('totalTokenCount');
  if (prompt === null && answer === null && total === null) return null;
  const thoughts = count('thoughtsTokenCount') ?? 0;
  const fromTools = count('toolUsePromptTokenCount') ?? 0;
  const input = prompt ?? Math.max(0, (total ?? 0) - (answer ?? 0) - thoughts - fromTools);
  const cacheRead = Math.min(count('cachedContentTokenCount') ?? 0, input);
  const uncached = input - cacheRead;
  const sent = (modality: readonly unknown[]) =>
    Math.max(
      0,
      ofModality(raw['promptTokensDetails'], modality) - ofModality(raw['cacheTokensDetails'], modality),
    );
  const inputAudio = Math.min(sent(AUDIO), uncached);
  const inputImage = Math.min(sent(IMAGE), uncached - inputAudio);
  const output = answer ?? 0;
  const outputAudio = Math.min(ofModality(raw['candidatesTokensDetails'], AUDIO), output);
  const outputImage = Math.min(ofModality(raw['candidatesTokensDetails'], IMAGE), output - outputAudio);
  return tokenUsage({
    inputUncached: uncached - inputAudio - inputImage + fromTools,
    cacheRead,
    inputAudio,
    inputImage,
    outputText: output - outputAudio - outputImage,
    outputReasoning: thoughts,
    outputAudio,
    outputImage,
  });
}

function ofModality(details: unknown, modality: readonly unknown[]): number {
  if (!Array.isArray(details)) return 0;
  const counts = details.map(asRecord).filter((detail) => modality.includes(detail?.['modality']));
  return counts.reduce((sum, detail) => sum + (tokenCount(detail?.['tokenCount']) ?? 0), 0);
}

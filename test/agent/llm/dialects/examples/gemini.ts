import {
  geminiEmbed,
  geminiGenerate,
  googleImages,
  vertexPredict,
} from '../../../../../src/agent/llm/dialects/google/gemini.ts';
import { type Answer, type DialectExamples, JSON_TYPE, json, sse } from './example.ts';

const usageMetadata = {
  promptTokenCount: 100,
  cachedContentTokenCount: 40,
  candidatesTokenCount: 20,
  thoughtsTokenCount: 30,
  toolUsePromptTokenCount: 7,
  totalTokenCount: 157,
  trafficType: 'ON_DEMAND_FLEX',
  promptTokensDetails: [
    { modality: 'TEXT', tokenCount: 70 },
    { modality: 'AUDIO', tokenCount: 25 },
    { modality: 'IMAGE', tokenCount: 5 },
  ],
  cacheTokensDetails: [
    { modality: 'TEXT', tokenCount: 20 },
    { modality: 'AUDIO', tokenCount: 20 },
  ],
  candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 12 }],
};
const buckets = {
  inputUncached: 57,
  cacheRead: 40,
  inputAudio: 5,
  inputImage: 5,
  outputText: 8,
  outputReasoning: 30,
  outputImage: 12,
};
const part = (text: string) => ({
  candidates: [{ content: { parts: [{ text }] } }],
  usageMetadata: { trafficType: 'ON_DEMAND_FLEX' },
  modelVersion: 'gemini-2.5-flash',
});
const last = { candidates: [{ finishReason: 'STOP' }], usageMetadata, modelVersion: 'gemini-2.5-flash' };
const said = { model: 'gemini-2.5-flash', finishReason: 'STOP', serviceTier: 'flex', usage: buckets };

const inArray: Answer = {
  title: 'a stream as one array, pretty-printed',
  contentType: `${JSON_TYPE}; charset=UTF-8`,
  body: JSON.stringify([part('a "}]'), part('b\\'), last], null, 2),
  said: { ...said, isStream: true, contentEvents: 2 },
};

const refused = json(
  'refused',
  { error: { code: 429, message: 'a secret', status: 'RESOURCE_EXHAUSTED' } },
  { failure: 'RESOURCE_EXHAUSTED' },
);

const generate: DialectExamples = {
  dialect: geminiGenerate,
  url: 'https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
  certain: true,
  pathModel: 'gemini-2.5-flash',
  pathStreams: true,
  notPaths: [
    '/v1beta/models/gemini-2.5-flash:countTokens',
    '/v1beta/models/gemini-2.5-flash:batchGenerateContent',
    '/v1beta/models/gemini-2.5-flash',
    '/v1/projects/p/locations/l/publishers/google/models/imagen-4:predict',
    '/v1beta/cachedContents',
  ],
  request: '{"contents":[]}',
  notRequest: '{"content":[]}',
  answers: [
    json('whole', last, said),
    json(
      'enumerations by number, as older clients of Vertex ask',
      {
        candidates: [{ finishReason: 1 }],
        usageMetadata: {
          promptTokenCount: 128,
          candidatesTokenCount: 26,
          thoughtsTokenCount: 692,
          totalTokenCount: 846,
          promptTokensDetails: [{ modality: 4, tokenCount: 28 }],
          trafficType: 1,
        },
      },
      {
        finishReason: 'STOP',
        usage: { inputUncached: 100, inputAudio: 28, outputText: 26, outputReasoning: 692 },
      },
    ),
    sse('a stream', [part('a'), part('日本'), last], { ...said, contentEvents: 2 }),
    inArray,
    json(
      'a prompt that was blocked',
      {
        promptFeedback: { blockReason: 'SAFETY' },
        usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 },
        modelVersion: 'g',
      },
      { model: 'g', finishReason: 'SAFETY', usage: { inputUncached: 8 } },
    ),
    refused,
    { ...refused, title: 'refused in an array', body: `[${refused.body}\n]\n` },
  ],
};

const embed: DialectExamples = {
  dialect: geminiEmbed,
  url: 'https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/gemini-embedding-2:embedContent',
  certain: true,
  pathModel: 'gemini-embedding-2',
  pathStreams: false,
  notPaths: ['/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent'],
  request: '{"content":{}}',
  notRequest: '',
  answers: [
    json(
      'with usage',
      { embedding: { values: [0.1, 0.2] }, usageMetadata: { promptTokenCount: 6, totalTokenCount: 6 } },
      { usage: { inputUncached: 6 } },
    ),
    json('without usage', { embeddings: [{ values: [0.1] }, { values: [0.2] }] }, {}),
    refused,
  ],
};

const predict: DialectExamples = {
  dialect: vertexPredict,
  url: 'https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/text-embedding-005:predict',
  certain: true,
  pathModel: 'text-embedding-005',
  pathStreams: false,
  notPaths: [
    '/v1/projects/p/locations/l/publishers/google/models/imagegeneration:predict',
    '/v1/projects/p/locations/l/endpoints/123:predict',
  ],
  request: '{"instances":[{"content":"a"}]}',
  notRequest: '{"inputs":[]}',
  answers: [
    json(
      'several texts',
      {
        predictions: [3, 4].map((token_count) => ({
          embeddings: { statistics: { truncated: false, token_count }, values: [0.1] },
        })),
      },
      { usage: { inputUncached: 7 } },
    ),
    refused,
  ],
};

const images: DialectExamples = {
  dialect: googleImages,
  url: 'https://generativelanguage.googleapis.com/v1beta/models/imagen-4.0-generate-001:predict',
  certain: true,
  pathModel: 'imagen-4.0-generate-001',
  pathStreams: false,
  notPaths: [
    '/v1/projects/p/locations/l/endpoints/123:predict',
    '/v1beta/models/veo-3:predictLongRunning',
    '/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict',
  ],
  request: '{"instances":[{"prompt":"a"}]}',
  notRequest: '{"prompt":"a"}',
  answers: [
    json(
      'two pictures',
      { predictions: ['AAAA', 'BBBB'].map((data) => ({ mimeType: 'image/png', bytesBase64Encoded: data })) },
      { billedUnits: { images: 2 } },
    ),
    refused,
  ],
};

export const geminiExamples: readonly DialectExamples[] = [generate, embed, predict, images];

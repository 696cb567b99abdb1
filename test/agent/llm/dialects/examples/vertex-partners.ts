import {
  vertexAnthropic,
  vertexMistral,
} from '../../../../../src/agent/llm/dialects/google/vertex-partners.ts';
import { anthropicExamples } from './anthropic.ts';
import type { DialectExamples } from './example.ts';
import { openaiExamples } from './openai.ts';

const MODELS = 'https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers';

const notPaths = (maker: string) => [
  `/v1/projects/p/locations/l/publishers/${maker}/models/count-tokens:rawPredict`,
  `/v1/projects/p/locations/l/publishers/${maker}/models/m:predict`,
  '/v1/projects/p/locations/l/publishers/other/models/m:rawPredict',
];

/** The answers are those of the maker's own API. */
const answersOf = (examples: readonly DialectExamples[], name: string) =>
  examples.filter(({ dialect }) => dialect.name === name).flatMap(({ answers }) => answers);

export const vertexPartnerExamples: readonly DialectExamples[] = [
  {
    dialect: vertexAnthropic,
    url: `${MODELS}/anthropic/models/claude-sonnet-4@20250514:streamRawPredict`,
    certain: true,
    pathModel: 'claude-sonnet-4@20250514',
    pathStreams: true,
    notPaths: notPaths('anthropic'),
    request: '{"anthropic_version":"vertex-2023-10-16","max_tokens":5,"messages":[]}',
    notRequest: '{"messages":[]}',
    answers: answersOf(anthropicExamples, 'anthropic-messages'),
  },
  {
    dialect: vertexMistral,
    url: `${MODELS}/mistralai/models/mistral-large:rawPredict`,
    certain: true,
    pathModel: 'mistral-large',
    pathStreams: false,
    notPaths: notPaths('mistralai'),
    request: '{"messages":[]}',
    notRequest: '{"prompt":""}',
    answers: answersOf(openaiExamples, 'openai-chat'),
  },
];

import { anthropicExamples } from './anthropic.ts';
import { bedrockExamples } from './bedrock.ts';
import { cohereExamples } from './cohere.ts';
import type { DialectExamples } from './example.ts';
import { geminiExamples } from './gemini.ts';
import { geminiInteractionsExamples } from './gemini-interactions.ts';
import { mistralVoyageExamples } from './mistral-voyage.ts';
import { ollamaExamples } from './ollama.ts';
import { openaiExamples } from './openai.ts';
import { openaiMediaExamples } from './openai-media.ts';
import { vertexPartnerExamples } from './vertex-partners.ts';

/** Examples of every dialect; one without any fails its contract. */
export const EXAMPLES: readonly DialectExamples[] = [
  ...openaiExamples,
  ...anthropicExamples,
  ...geminiExamples,
  ...geminiInteractionsExamples,
  ...cohereExamples,
  ...mistralVoyageExamples,
  ...ollamaExamples,
  ...openaiMediaExamples,
  ...bedrockExamples,
  ...vertexPartnerExamples,
];

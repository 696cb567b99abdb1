import { anthropicExamples } from './anthropic.ts';
import { cohereExamples } from './cohere.ts';
import type { DialectExamples } from './example.ts';
import { geminiExamples } from './gemini.ts';
import { mistralVoyageExamples } from './mistral-voyage.ts';
import { ollamaExamples } from './ollama.ts';
import { openaiExamples } from './openai.ts';

/** Examples of every dialect; one without any fails its contract. */
export const EXAMPLES: readonly DialectExamples[] = [
  ...openaiExamples,
  ...anthropicExamples,
  ...geminiExamples,
  ...cohereExamples,
  ...mistralVoyageExamples,
  ...ollamaExamples,
];

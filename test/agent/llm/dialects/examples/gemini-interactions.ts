import { geminiInteractions } from '../../../../../src/agent/llm/dialects/google/gemini-interactions.ts';
import { type DialectExamples, json, sse } from './example.ts';

const usage = {
  total_input_tokens: 100,
  input_tokens_by_modality: [
    { modality: 'text', tokens: 75 },
    { modality: 'audio', tokens: 25 },
  ],
  total_cached_tokens: 40,
  total_output_tokens: 20,
  total_thought_tokens: 30,
  total_tool_use_tokens: 7,
  total_tokens: 157,
};
const said = {
  model: 'gemini-3-flash',
  finishReason: 'completed',
  usage: { inputUncached: 42, cacheRead: 40, inputAudio: 25, outputText: 20, outputReasoning: 30 },
};
const interaction = { id: 'i', model: 'gemini-3-flash', status: 'completed', usage };

const interactions: DialectExamples = {
  dialect: geminiInteractions,
  url: 'https://generativelanguage.googleapis.com/v1beta/interactions',
  certain: true,
  notPaths: ['/v1beta/interactions/i', '/v1beta/interactions/i/cancel'],
  request: '{"model":"gemini-3-flash","input":"a"}',
  notRequest: '{"model":"gemini-3-flash","kind":"click"}',
  answers: [
    json('whole', interaction, said),
    sse(
      'a stream',
      [
        {
          event_type: 'interaction.created',
          interaction: { id: 'i', model: 'gemini-3-flash', status: 'in_progress' },
        },
        { event_type: 'step.delta', index: 0, delta: { type: 'text', text: 'a' } },
        { event_type: 'interaction.completed', interaction },
      ],
      { ...said, contentEvents: 1 },
    ),
    sse(
      'an error in the stream',
      [{ event_type: 'error', error: { code: 'quota_exceeded', message: 'a secret' } }],
      {
        failure: 'quota_exceeded',
      },
    ),
    json(
      'refused',
      { error: { code: 400, status: 'INVALID_ARGUMENT', message: 'a secret' } },
      {
        failure: 'INVALID_ARGUMENT',
      },
    ),
  ],
};

export const geminiInteractionsExamples: readonly DialectExamples[] = [interactions];

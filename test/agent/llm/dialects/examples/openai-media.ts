import { openaiSpeech, openaiTranscription } from '../../../../../src/agent/llm/dialects/openai/audio.ts';
import { openaiImages } from '../../../../../src/agent/llm/dialects/openai/images.ts';
import { type DialectExamples, json, sse } from './example.ts';

const refused = json(
  'refused',
  { error: { message: 'a secret', type: 'invalid_request_error', code: 'content_policy_violation' } },
  { failure: 'content_policy_violation' },
);

const form = (fields: Readonly<Record<string, string>>) =>
  `${Object.entries(fields)
    .map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
    .join('')}--b--\r\n`;

const images: DialectExamples = {
  dialect: openaiImages,
  url: 'https://api.openai.com/v1/images/generations',
  certain: true,
  notPaths: ['/images', '/api/images/edit', '/v1/images/variations/7'],
  request: '{"model":"m","prompt":"a"}',
  notRequest: '{"model":"m","size":"a"}',
  answers: [
    json(
      'by tokens',
      {
        created: 1,
        data: [{ b64_json: 'aGk=' }],
        usage: {
          input_tokens: 50,
          output_tokens: 1056,
          total_tokens: 1106,
          input_tokens_details: { text_tokens: 10, image_tokens: 40 },
        },
      },
      { usage: { inputUncached: 10, inputImage: 40, outputImage: 1056 } },
    ),
    json(
      'by the picture',
      { created: 1, data: [{ url: 'a' }, { url: 'b' }] },
      { billedUnits: { images: 2 } },
    ),
    sse(
      'a stream',
      [
        { type: 'image_generation.partial_image', b64_json: 'aGk=', partial_image_index: 0 },
        {
          type: 'image_generation.completed',
          b64_json: 'aGk=',
          usage: {
            input_tokens: 5,
            output_tokens: 9,
            total_tokens: 14,
            output_tokens_details: { text_tokens: 2, image_tokens: 7 },
          },
        },
      ],
      { contentEvents: 2, usage: { inputUncached: 5, outputText: 2, outputImage: 7 } },
    ),
    refused,
  ],
};

const transcription: DialectExamples = {
  dialect: openaiTranscription,
  url: 'https://api.openai.com/v1/audio/transcriptions',
  certain: true,
  notPaths: ['/v1/audio', '/v1/audio/transcriptions/7'],
  request: form({ model: 'm', file: 'RIFF' }),
  notRequest: form({ model: 'm', text: 'RIFF' }),
  answers: [
    json(
      'by tokens',
      {
        text: 'a secret',
        usage: {
          type: 'tokens',
          input_tokens: 14,
          input_token_details: { text_tokens: 4, audio_tokens: 10 },
          output_tokens: 45,
          total_tokens: 59,
        },
      },
      { usage: { inputUncached: 4, inputAudio: 10, outputText: 45 } },
    ),
    json(
      'by the second',
      { text: 'a secret', usage: { type: 'duration', seconds: 7 } },
      {
        billedUnits: { audioSeconds: 7 },
      },
    ),
    json(
      'with its length as text',
      { duration: '8.5', text: 'a secret' },
      { billedUnits: { audioSeconds: 8.5 } },
    ),
    json(
      "Mistral's",
      {
        model: 'voxtral',
        text: 'a',
        usage: { prompt_audio_seconds: 3, prompt_tokens: 4, completion_tokens: 30, total_tokens: 34 },
      },
      { model: 'voxtral', usage: { inputUncached: 4, outputText: 30 }, billedUnits: { audioSeconds: 3 } },
    ),
    { title: 'as text', contentType: 'text/plain; charset=utf-8', body: 'A secret\n', said: {} },
    sse(
      'a stream',
      [
        { type: 'transcript.text.delta', delta: 'a' },
        {
          type: 'transcript.text.done',
          text: 'a',
          usage: { input_tokens: 4, output_tokens: 1, total_tokens: 5 },
        },
      ],
      { contentEvents: 1, usage: { inputUncached: 4, outputText: 1 } },
    ),
    refused,
  ],
};

const speech: DialectExamples = {
  dialect: openaiSpeech,
  url: 'https://api.openai.com/v1/audio/speech',
  certain: true,
  notPaths: ['/v1/audio/voices', '/audio/speeches'],
  request: '{"model":"m","input":"a","voice":"b"}',
  notRequest: '{"model":"m","input":"a"}',
  answers: [
    { title: 'sound', contentType: 'audio/mpeg', body: 'data: {"usage":{"input_tokens":7}}\n\n', said: {} },
    sse(
      'a stream',
      [
        { type: 'speech.audio.delta', audio: 'aGk=' },
        { type: 'speech.audio.done', usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 } },
      ],
      { contentEvents: 1, usage: { inputUncached: 14, outputAudio: 101 } },
    ),
    refused,
  ],
};

export const openaiMediaExamples: readonly DialectExamples[] = [images, transcription, speech];

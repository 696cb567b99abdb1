// The models this app uses. With OPENAI_API_KEY set they are the real ones; without it, the local stub's.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const real = Boolean(process.env.OPENAI_API_KEY);
const stubUrl = process.env.PROVIDER_STUB_URL ?? 'http://127.0.0.1:4010';
const limits = { timeout: 30_000, maxRetries: 2 };

const openai = new OpenAI(real ? limits : { ...limits, apiKey: 'stub', baseURL: `${stubUrl}/v1` });

/** Claude answers as the stub, or for real when its key is there too; `null`: OpenAI answers in its place. */
const anthropic = real
  ? process.env.ANTHROPIC_API_KEY
    ? new Anthropic(limits)
    : null
  : new Anthropic({ ...limits, apiKey: 'stub', authToken: null, baseURL: stubUrl });

export const DIMENSIONS = 256;

/**
 * @typedef {object} Writing
 * @property {string} system what the model is told once
 * @property {string} prompt context and question
 * @property {AbortSignal} signal gives up when whoever asked has left
 * @property {(text: string) => void} [onToken] set: the answer is streamed to it
 *
 * @typedef {(writing: Writing) => Promise<string>} Writer writes one answer and returns all of it
 */

/** @type {Record<string, Writer>} */
export const writers = {
  fast: (writing) => writeWithOpenAI('gpt-4o-mini', writing),
  chat: (writing) => writeWithOpenAI('gpt-4.1-mini', writing),
  careful: (writing) =>
    anthropic ? writeWithClaude(anthropic, writing) : writeWithOpenAI('gpt-4.1', writing),
};

/**
 * Vectors of several texts in one call.
 *
 * @param {string[]} texts
 * @param {AbortSignal} [signal]
 * @returns {Promise<Float32Array[]>} in the order of `texts`
 */
export async function embedAll(texts, signal) {
  const { data } = await openai.embeddings.create(
    { model: 'text-embedding-3-small', input: texts, dimensions: DIMENSIONS },
    { signal },
  );
  return data.map(({ embedding }) => Float32Array.from(embedding));
}

/**
 * @param {string} text
 * @returns {Promise<string>} one sentence about it
 */
export async function summarise(text) {
  const response = await openai.responses.create({
    model: 'gpt-5-mini',
    instructions: 'Summarise the text in one sentence.',
    input: text,
  });
  return response.output_text;
}

/** Whether a model's provider is to blame, not this app. @param {unknown} error */
export function isProviderError(error) {
  return error instanceof OpenAI.APIError || error instanceof Anthropic.APIError;
}

/** @param {string} model @param {Writing} writing */
async function writeWithOpenAI(model, { system, prompt, signal, onToken }) {
  const request = {
    model,
    messages: [
      { role: /** @type {const} */ ('system'), content: system },
      { role: /** @type {const} */ ('user'), content: prompt },
    ],
  };
  if (!onToken) {
    const completion = await openai.chat.completions.create(request, { signal });
    return completion.choices[0]?.message.content ?? '';
  }
  const stream = await openai.chat.completions.create(
    { ...request, stream: true, stream_options: { include_usage: true } },
    { signal },
  );
  let text = '';
  for await (const chunk of stream) {
    const token = chunk.choices[0]?.delta.content ?? '';
    text += token;
    if (token) onToken(token);
  }
  return text;
}

/** @param {Anthropic} client @param {Writing} writing */
async function writeWithClaude(client, { system, prompt, signal, onToken }) {
  /** @type {Anthropic.MessageCreateParamsNonStreaming} */
  const request = {
    model: 'claude-sonnet-4-6',
    max_tokens: 400,
    system: [{ type: 'text', text: system, cache_control: { type: 'ephemeral' } }],
    messages: [{ role: 'user', content: prompt }],
  };
  if (!onToken) {
    const message = await client.messages.create(request, { signal });
    return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  }
  const stream = client.messages.stream(request, { signal }).on('text', (token) => onToken(token));
  return stream.finalText();
}

// Anthropic's Messages API as far as the sample app uses it.
import { refusal, textOf } from './openai.js';
import { answerTo, tokens } from './text.js';

const MODELS = new Map([
  ['claude-sonnet-4-6', { version: 'claude-sonnet-4-6', thinkMs: 320, paceMs: 11 }],
  ['claude-haiku-4-5', { version: 'claude-haiku-4-5-20251001', thinkMs: 160, paceMs: 6 }],
]);
const ERROR_TYPES = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
};
const CACHED_ONCE_SEEN_MAX = 1000;

/** Prompts marked for caching that were seen before, oldest first. @type {Set<string>} */
const cachedPrompts = new Set();

/** Handlers by path, as in `openai.js`. */
export const routes = { '/v1/messages': messages };

/** A failure in Anthropic's words. @param {number} status @param {string} message */
export function failure(status, message) {
  const type = ERROR_TYPES[/** @type {keyof typeof ERROR_TYPES} */ (status)] ?? 'api_error';
  return { type: 'error', error: { type, message } };
}

/** @param {any} body @param {import('./chance.js').Chance} chance @returns {import('./openai.js').Reply} */
function messages(body, chance) {
  const model = MODELS.get(body.model);
  if (!model) throw refusal(404, `model: ${body.model}`);
  if (!Number.isInteger(body.max_tokens)) throw refusal(400, 'max_tokens: Field required');
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    throw refusal(400, 'messages: Field required');
  const all = tokens(answerTo(textOf(body.messages.at(-1).content)));
  const pieces = all.slice(0, body.max_tokens);
  const stopReason = all.length > pieces.length ? 'max_tokens' : 'end_turn';
  const input = inputUsage(body);
  const head = {
    id: chance.id('msg_'),
    type: 'message',
    role: 'assistant',
    model: model.version,
    stop_sequence: null,
  };
  if (body.stream) {
    return {
      thinkMs: model.thinkMs,
      paceMs: model.paceMs,
      frames: streamed(head, pieces, stopReason, input),
    };
  }
  return {
    thinkMs: model.thinkMs + pieces.length * model.paceMs,
    json: {
      ...head,
      content: [{ type: 'text', text: pieces.join('') }],
      stop_reason: stopReason,
      usage: { ...input, output_tokens: pieces.length },
    },
  };
}

/** Anthropic counts cached input beside, not within, `input_tokens`. @param {any} body */
function inputUsage(body) {
  const system = textOf(body.system);
  const systemTokens = tokens(system).length;
  const said = body.messages.reduce(
    (/** @type {number} */ sum, /** @type {any} */ message) => sum + tokens(textOf(message.content)).length,
    0,
  );
  const marked =
    Array.isArray(body.system) && body.system.some((/** @type {any} */ part) => part?.cache_control);
  const seen = marked && remembers(system);
  const written = marked && !seen ? systemTokens : 0;
  return {
    input_tokens: said + (marked ? 0 : systemTokens),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: seen ? systemTokens : 0,
    cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 },
    service_tier: 'standard',
  };
}

/** @param {string} prompt */
function remembers(prompt) {
  if (cachedPrompts.has(prompt)) return true;
  const [oldest] = cachedPrompts;
  if (cachedPrompts.size >= CACHED_ONCE_SEEN_MAX && oldest !== undefined) cachedPrompts.delete(oldest);
  cachedPrompts.add(prompt);
  return false;
}

/** @param {object} head @param {string[]} pieces @param {string} stopReason @param {object} input */
function streamed(head, pieces, stopReason, input) {
  const frame = (/** @type {string} */ type, /** @type {object} */ data) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  const message = { ...head, content: [], stop_reason: null, usage: { ...input, output_tokens: 1 } };
  return [
    frame('message_start', { message }) +
      frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      frame('ping', {}),
    ...pieces.map((text) => frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    frame('content_block_stop', { index: 0 }) +
      frame('message_delta', {
        delta: { stop_reason: stopReason, stop_sequence: null },
        usage: { output_tokens: pieces.length },
      }) +
      frame('message_stop', {}),
  ];
}

// OpenAI's API as far as the sample app uses it: chat completions, responses and embeddings.
import { answerTo, embedding, tokens } from './text.js';

/**
 * @typedef {object} Reply what a provider answers, before it is put on the wire
 * @property {number} thinkMs median time until the first byte
 * @property {object} [json] the body, when the call is not streamed
 * @property {string[]} [frames] server-sent events, when it is
 * @property {number} [paceMs] median time between frames
 */

const MODELS = new Map([
  ['gpt-4o-mini', { version: 'gpt-4o-mini-2024-07-18', thinkMs: 180, paceMs: 8, reasons: false }],
  ['gpt-4.1-mini', { version: 'gpt-4.1-mini-2025-04-14', thinkMs: 220, paceMs: 9, reasons: false }],
  ['gpt-5-mini', { version: 'gpt-5-mini-2025-08-07', thinkMs: 700, paceMs: 10, reasons: true }],
]);
const EMBEDDING_MODEL = 'text-embedding-3-small';
const EMBEDDING_DIMENSIONS = 1536;
const EMBEDDING_MS = 35;
const CACHE_BLOCK_TOKENS = 128;
const REASONING_BLOCK_TOKENS = 64;
const MESSAGE_OVERHEAD_TOKENS = 4;
const EPOCH_S = 1_767_225_600;

/** Handlers by path; each takes the parsed body and returns a reply, or throws `refusal(...)`. */
export const routes = {
  '/v1/chat/completions': chatCompletions,
  '/v1/responses': responses,
  '/v1/embeddings': embeddings,
};

/** A failure in OpenAI's words. @param {number} status @param {string} message @param {string | null} [code] */
export function failure(status, message, code = null) {
  const type =
    { 401: 'invalid_request_error', 429: 'rate_limit_error', 500: 'server_error' }[status] ??
    'invalid_request_error';
  return { error: { message, type, param: null, code: status === 429 ? 'rate_limit_exceeded' : code } };
}

/** Thrown by a handler: the request cannot be served. @param {number} status @param {string} message @param {string} [code] */
export function refusal(status, message, code) {
  return Object.assign(new Error(message), { status, code });
}

/** @param {any} body @param {import('./chance.js').Chance} chance @returns {Reply} */
function chatCompletions(body, chance) {
  const model = modelOf(body);
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    throw refusal(400, "Missing required parameter: 'messages'.");
  }
  const { pieces, stopped } = written(
    lastUserText(body.messages),
    body.max_completion_tokens ?? body.max_tokens,
  );
  const input = body.messages.reduce(
    (/** @type {number} */ sum, /** @type {any} */ message) =>
      sum + MESSAGE_OVERHEAD_TOKENS + tokens(textOf(message.content)).length,
    0,
  );
  const spent = spending(input, pieces.length, model, chance);
  const head = {
    id: chance.id('chatcmpl-'),
    created: EPOCH_S,
    model: model.version,
    system_fingerprint: 'fp_stub',
  };
  const usage = {
    prompt_tokens: spent.input,
    completion_tokens: spent.output,
    total_tokens: spent.input + spent.output,
    prompt_tokens_details: { cached_tokens: spent.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: spent.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
  if (body.stream) return streamed(head, { pieces, stopped, usage, body, model });
  const message = { role: 'assistant', content: pieces.join(''), refusal: null, annotations: [] };
  return {
    thinkMs: model.thinkMs + pieces.length * model.paceMs,
    json: {
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, logprobs: null, finish_reason: stopped }],
      usage,
      service_tier: 'default',
    },
  };
}

/** @param {object} head @param {any} content @returns {Reply} */
function streamed(head, { pieces, stopped, usage, body, model }) {
  const withUsage = body.stream_options?.include_usage === true;
  const frame = (/** @type {object[]} */ choices, /** @type {object | null} */ used = null) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...(withUsage ? { usage: used } : {}) })}\n\n`;
  const choice = (/** @type {object} */ delta, /** @type {string | null} */ reason = null) => [
    { index: 0, delta, logprobs: null, finish_reason: reason },
  ];
  const frames = [
    frame(choice({ role: 'assistant', content: '', refusal: null })),
    ...pieces.map((/** @type {string} */ content) => frame(choice({ content }))),
    frame(choice({}, stopped)),
  ];
  if (withUsage) frames.push(frame([], usage));
  frames.push('data: [DONE]\n\n');
  return { thinkMs: model.thinkMs, paceMs: model.paceMs, frames };
}

/** @param {any} body @param {import('./chance.js').Chance} chance @returns {Reply} */
function responses(body, chance) {
  const model = modelOf(body);
  if (body.stream) throw refusal(400, 'This stub does not stream responses.');
  const prompt = typeof body.input === 'string' ? body.input : lastUserText(body.input ?? []);
  const { pieces, stopped } = written(prompt, body.max_output_tokens);
  const input = tokens(`${body.instructions ?? ''}${prompt}`).length + 2 * MESSAGE_OVERHEAD_TOKENS;
  const spent = spending(input, pieces.length, model, chance);
  const content = [{ type: 'output_text', text: pieces.join(''), annotations: [], logprobs: [] }];
  const complete = stopped === 'stop';
  return {
    thinkMs: model.thinkMs + pieces.length * model.paceMs,
    json: {
      id: chance.id('resp_'),
      object: 'response',
      created_at: EPOCH_S,
      status: complete ? 'completed' : 'incomplete',
      error: null,
      incomplete_details: complete ? null : { reason: 'max_output_tokens' },
      instructions: body.instructions ?? null,
      model: model.version,
      output: [{ id: chance.id('msg_'), type: 'message', status: 'completed', role: 'assistant', content }],
      parallel_tool_calls: true,
      tool_choice: 'auto',
      tools: [],
      usage: {
        input_tokens: spent.input,
        input_tokens_details: { cached_tokens: spent.cached },
        output_tokens: spent.output,
        output_tokens_details: { reasoning_tokens: spent.reasoning },
        total_tokens: spent.input + spent.output,
      },
    },
  };
}

/** @param {any} body @returns {Reply} */
function embeddings(body) {
  if (body.model !== EMBEDDING_MODEL) throw unknownModel(body.model);
  const inputs = [body.input].flat();
  if (inputs.length === 0 || inputs.some((input) => typeof input !== 'string' || input === '')) {
    throw refusal(400, "'input' must be a text or a list of texts, none of them empty.");
  }
  const dimensions = body.dimensions ?? EMBEDDING_DIMENSIONS;
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > EMBEDDING_DIMENSIONS) {
    throw refusal(400, `'dimensions' must be from 1 to ${EMBEDDING_DIMENSIONS}.`);
  }
  const data = inputs.map((input, index) => {
    const vector = embedding(input, dimensions);
    const base64 = body.encoding_format === 'base64';
    return {
      object: 'embedding',
      index,
      embedding: base64 ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector),
    };
  });
  const used = inputs.reduce((sum, input) => sum + tokens(input).length, 0);
  const usage = { prompt_tokens: used, total_tokens: used };
  return {
    thinkMs: EMBEDDING_MS + inputs.length,
    json: { object: 'list', data, model: EMBEDDING_MODEL, usage },
  };
}

/** @param {any} body */
function modelOf(body) {
  const model = MODELS.get(body.model);
  if (!model) throw unknownModel(body.model);
  return model;
}

/** @param {unknown} model */
function unknownModel(model) {
  return refusal(404, `The model '${model}' does not exist.`, 'model_not_found');
}

/** @param {string} prompt @param {number} [limit] */
function written(prompt, limit = Number.POSITIVE_INFINITY) {
  const all = tokens(answerTo(prompt));
  return { pieces: all.slice(0, limit), stopped: all.length > limit ? 'length' : 'stop' };
}

/** Tokens as billed: some input comes from the provider's cache, some output is thinking. */
function spending(
  /** @type {number} */ input,
  /** @type {number} */ output,
  /** @type {{ reasons: boolean }} */ model,
  /** @type {import('./chance.js').Chance} */ chance,
) {
  const cached = chance.happens(0.3)
    ? Math.floor((input * 0.8) / CACHE_BLOCK_TOKENS) * CACHE_BLOCK_TOKENS
    : 0;
  const reasoning = model.reasons ? REASONING_BLOCK_TOKENS * (1 + chance.below(5)) : 0;
  return { input, cached, output: output + reasoning, reasoning };
}

/** @param {any[]} messages */
function lastUserText(messages) {
  return textOf(messages.findLast((message) => message?.role === 'user')?.content);
}

/** Text of a message whose content is a string or a list of parts. @param {any} content @returns {string} */
export function textOf(content) {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part) => part?.text ?? '').join('') : '';
}

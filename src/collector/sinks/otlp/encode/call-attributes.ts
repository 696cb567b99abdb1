import type { AttributeValue } from '../../../../core/frame.ts';
import { ABORTED } from '../../../../core/llm/labels.ts';
import { OWN_CALL_ATTRIBUTES as OWN } from '../../../../core/llm/own-attributes.ts';
import { completionTokens, promptTokens, type TokenUsage } from '../../../../core/llm/usage.ts';
import type { LlmCallEvent, PricedLlmCallEvent } from '../../../../core/signals/llm-call.ts';
import { toSeconds } from '../../../../core/units.ts';

export type SpanAttributes = Record<string, AttributeValue | readonly string[]>;

/** What a call has for a model of which nobody said the name. */
const UNKNOWN = 'unknown';
const HTTPS_PORT = 443;
const OPERATION_EMBEDDINGS = 'embeddings';

/** The operation and the model, where it is known: a span's name by the GenAI conventions. */
export function callName({ operation, model }: LlmCallEvent): string {
  return model === UNKNOWN ? operation : `${operation} ${model}`;
}

/** A call of a model by the GenAI conventions v0.1, with what they have no name for under our own. */
export function callAttributes(event: LlmCallEvent): SpanAttributes {
  const attributes: SpanAttributes = {
    'gen_ai.operation.name': event.operation,
    'gen_ai.provider.name': event.provider,
    [OWN.usageSource]: event.usageSource,
  };
  if (event.model !== UNKNOWN) attributes['gen_ai.request.model'] = event.model;
  if (event.responseModel !== null) attributes['gen_ai.response.model'] = event.responseModel;
  if (event.serverAddress !== null) {
    attributes['server.address'] = event.serverAddress;
    attributes['server.port'] = event.serverPort ?? HTTPS_PORT;
  }
  if (event.streaming) attributes['gen_ai.request.stream'] = true;
  if (event.firstTokenMs !== null)
    attributes['gen_ai.response.time_to_first_chunk'] = toSeconds(event.firstTokenMs);
  if (event.finishReason !== null) attributes['gen_ai.response.finish_reasons'] = [event.finishReason];
  if (event.usage !== null) addUsage(attributes, event.usage, event.operation);
  const error = callError(event);
  if (error !== null) attributes['error.type'] = error;
  addOurs(attributes, event);
  return attributes;
}

/** `error.type`, `null` where the call did not fail. */
export function callError({ outcome, errorType }: LlmCallEvent): string | null {
  if (outcome === 'ok') return null;
  return outcome === 'aborted' ? ABORTED : (errorType ?? '_OTHER');
}

/** Input includes what was cached, output includes reasoning; parts are told where there are some. */
function addUsage(attributes: SpanAttributes, usage: TokenUsage, operation: string): void {
  const cacheWrite = usage.cacheWrite5m + usage.cacheWrite1h;
  const add = (name: string, tokens: number) => {
    attributes[`gen_ai.usage.${name}`] = tokens;
  };
  add('input_tokens', promptTokens(usage));
  if (operation === OPERATION_EMBEDDINGS) return;
  add('output_tokens', completionTokens(usage));
  if (usage.cacheRead > 0) add('cache_read.input_tokens', usage.cacheRead);
  if (cacheWrite > 0) add('cache_write.input_tokens', cacheWrite);
  if (usage.outputReasoning > 0) add('reasoning.output_tokens', usage.outputReasoning);
  if (usage.inputAudio > 0) add('audio.input_tokens', usage.inputAudio);
  if (usage.inputImage > 0) add('image.input_tokens', usage.inputImage);
  if (usage.outputAudio > 0) add('audio.output_tokens', usage.outputAudio);
  if (usage.outputImage > 0) add('image.output_tokens', usage.outputImage);
}

function addOurs(attributes: SpanAttributes, event: LlmCallEvent): void {
  const usd = (event as Partial<PricedLlmCallEvent>).cost?.usd ?? null;
  if (event.statusCode !== null) attributes['http.response.status_code'] = event.statusCode;
  if (event.usageMismatch) attributes[OWN.usageMismatch] = true;
  const { chunkGapP95Ms, rateLimitResetMs, usage, billedUnits } = event;
  const known = {
    [OWN.cost]: usd,
    [OWN.reportedCost]: event.reportedCostUsd,
    [OWN.attempt]: event.attempt,
    [OWN.abortReason]: event.outcome === 'aborted' ? event.errorType : null,
    [OWN.queryCategory]: event.queryCategory,
    [OWN.errorMessage]: event.errorMessage,
    [OWN.serviceTier]: event.serviceTier,
    [OWN.chunkGapP95]: chunkGapP95Ms === null ? null : toSeconds(chunkGapP95Ms),
    [OWN.rateLimitReset]: rateLimitResetMs === null ? null : toSeconds(rateLimitResetMs),
    [OWN.cacheWrite1h]: usage?.cacheWrite1h || null,
    [OWN.searches]: billedUnits?.searches,
    [OWN.images]: billedUnits?.images,
    [OWN.audio]: billedUnits?.audioSeconds,
  };
  for (const [name, value] of Object.entries(known)) {
    if (value !== null && value !== undefined) attributes[name] = value;
  }
}

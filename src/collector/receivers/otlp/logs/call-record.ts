import type { Sender } from '../../../../core/event.ts';
import { CALL_OPERATION, modelName, word } from '../../../../core/llm/labels.ts';
import { fromInclusive, tokenCount } from '../../../../core/llm/token-counts.ts';
import type { TokenUsage } from '../../../../core/llm/usage.ts';
import { isRecord } from '../../../../core/signals/checks.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../../core/signals/llm-call.ts';
import { text } from '../../../../core/signals/row.ts';
import { type Milliseconds, milliseconds, SECOND_MS } from '../../../../core/units.ts';
import { callNames, isCall, type OtlpLabels } from '../attributes.ts';
import { eventIdOf } from '../event-id.ts';
import type { OtlpAttributes, OtlpLogRecord, OtlpValue } from '../model.ts';

/** The event of each model call, by the conventions of today and those before. */
const CALL_EVENT = /^gen_ai\.client\.(?:inference\.|embeddings\.)?operation\.details$/;
const USER_CHARS_MAX = 255;

/** A model call that a log record tells of. */
export interface ToldCall {
  readonly event: LlmCallEvent;
  /** By which its span is known to be of the same call. */
  readonly call: string;
}

/** Whether a record tells of a model call; agents and tools have such records as well. */
export function isCallRecord({ eventName, attributes }: OtlpLogRecord): boolean {
  return CALL_EVENT.test(eventName) && isCall(attributes[CALL_OPERATION]);
}

/**
 * The call, whose duration no record tells: it is 0.
 *
 * @param nowMs stands in for the time of a record that has none.
 */
export function toldCall(record: OtlpLogRecord, sender: Sender, labels: OtlpLabels, nowMs: number): ToldCall {
  const { traceId, spanId } = record;
  const timeMs = record.timeMs > 0 ? record.timeMs : nowMs;
  // Older libraries have them in the body.
  const attributes: OtlpAttributes = isRecord(record.body)
    ? { ...(record.body as OtlpAttributes), ...record.attributes }
    : record.attributes;
  const own = traceId !== null && spanId !== null ? [traceId, spanId] : ['', JSON.stringify(attributes)];
  const [trace = '', span = ''] = own;
  const id = eventIdOf(trace, span, timeMs);
  const event = { ...callOf(attributes, labels), id, timeMs: milliseconds(timeMs), traceId, sender };
  return { event, call: traceId === null || spanId === null ? id : `${traceId}${spanId}` };
}

function callOf(
  attributes: OtlpAttributes,
  { calls }: OtlpLabels,
): Omit<LlmCallEvent, 'id' | 'timeMs' | 'traceId'> {
  const { operation, ...names } = callNames(attributes);
  const usage = usageOf(attributes);
  return {
    ...NO_CALL_DETAILS,
    signal: 'llm-call',
    ...names,
    operation,
    ...calls.of(names),
    serverAddress: word(attributes['server.address']),
    responseModel: modelName(attributes['gen_ai.response.model']),
    streaming: attributes['gen_ai.request.stream'] === true,
    usage,
    usageSource: usage === null ? 'none' : 'provider',
    durationMs: milliseconds(0),
    firstTokenMs: firstTokenMs(attributes),
    outcome: names.errorType === null ? 'ok' : 'error',
    finishReason: word(firstOf(attributes['gen_ai.response.finish_reasons'])),
    queryCategory: null,
    reportedCostUsd: null,
    userEmail: userOf(attributes),
    department: null,
  };
}

function firstOf(value: OtlpValue | undefined): OtlpValue | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function firstTokenMs(attributes: OtlpAttributes): Milliseconds | null {
  const seconds = attributes['gen_ai.response.time_to_first_chunk'];
  return typeof seconds === 'number' && seconds >= 0 ? milliseconds(seconds * SECOND_MS) : null;
}

function userOf(attributes: OtlpAttributes): string | null {
  const user = attributes['user.email'] ?? attributes['user.id'] ?? attributes['enduser.id'];
  return typeof user === 'string' && user !== '' ? text(user, USER_CHARS_MAX) : null;
}

/** Cached tokens are a part of the input by convention, reasoning of the output. */
function usageOf(attributes: OtlpAttributes): TokenUsage | null {
  const told = (...names: readonly string[]) => {
    const name = names.find((one) => attributes[`gen_ai.usage.${one}`] !== undefined);
    return name === undefined ? null : tokenCount(attributes[`gen_ai.usage.${name}`]);
  };
  return fromInclusive({
    input: told('input_tokens', 'prompt_tokens'),
    output: told('output_tokens', 'completion_tokens'),
    total: told('total_tokens'),
    cacheRead: told('cache_read.input_tokens', 'cache_read_input_tokens'),
    cacheWrite: told(
      'cache_write.input_tokens',
      'cache_creation.input_tokens',
      'cache_creation_input_tokens',
    ),
    inputAudio: told('audio.input_tokens'),
    inputImage: told('image.input_tokens'),
    reasoning: told('reasoning.output_tokens', 'reasoning_tokens'),
    outputAudio: told('audio.output_tokens'),
    outputImage: told('image.output_tokens'),
  });
}

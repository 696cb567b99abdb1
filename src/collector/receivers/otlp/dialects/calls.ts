import { ABORTED, errorType, modelName, word } from '../../../../core/llm/labels.ts';
import { OWN_CALL_ATTRIBUTES } from '../../../../core/llm/own-attributes.ts';
import {
  amountUsd,
  fromInclusive,
  type InclusiveCounts,
  tokenCount,
} from '../../../../core/llm/token-counts.ts';
import { completionTokens, promptTokens, type TokenUsage } from '../../../../core/llm/usage.ts';
import { type Milliseconds, milliseconds, SECOND_MS, type Usd } from '../../../../core/units.ts';
import type { OtlpAttributes, OtlpSpan } from '../model.ts';
import type { CallFacts } from './dialect.ts';
import { providerId } from './provider-ids.ts';
import { type Aliases, firstOf, flagOf, hostOf, numberOf, textOf } from './values.ts';

/** Under which names a dialect tells what of a call. */
export interface CallNames {
  readonly provider: Aliases;
  readonly model: Aliases;
  readonly responseModel: Aliases;
  readonly responseId: Aliases;
  readonly input: Aliases;
  readonly output: Aliases;
  readonly total: Aliases;
  readonly cacheRead: Aliases;
  readonly cacheWrite: Aliases;
  readonly reasoning: Aliases;
  readonly inputAudio: Aliases;
  readonly inputImage: Aliases;
  /** Cached audio, which counts as cached. */
  readonly cachedAudio: Aliases;
  readonly cachedImage: Aliases;
  readonly outputAudio: Aliases;
  readonly outputImage: Aliases;
  readonly finish: Aliases;
  readonly streaming: Aliases;
  readonly firstTokenSeconds: Aliases;
  readonly firstTokenMs: Aliases;
  readonly cost: Aliases;
  readonly tier: Aliases;
}

const PORT: Aliases = ['server.port', 'net.peer.port'];
const ADDRESS: Aliases = ['server.address', 'net.peer.name', 'gen_ai.openai.api_base'];
const STATUS: Aliases = ['http.response.status_code', 'http.status_code'];
const ERROR_TYPE = 'error.type';
/** The last are what nervecenter itself sends. */
const RESENDS: Aliases = ['http.request.resend_count', OWN_CALL_ATTRIBUTES.attempt];
const USAGE_SOURCE = OWN_CALL_ATTRIBUTES.usageSource;
/** Events at the first chunk of a stream: of OpenInference, the AI SDK, OpenLLMetry. */
const FIRST_CHUNK_EVENTS: ReadonlySet<string> = new Set([
  'First Token Stream Event',
  'ai.stream.firstChunk',
  'llm.content.completion.chunk',
]);
/** Errors of clients that were told to stop. */
const ABORTS: ReadonlySet<string> = new Set([
  ABORTED,
  'AbortError',
  'APIUserAbortError',
  'CancelledError',
  'asyncio.CancelledError',
  'asyncio.exceptions.CancelledError',
  'canceled',
  'cancelled',
]);
const OTHER_ERROR = '_OTHER';

/** The attributes that every dialect reads of a call. */
export const COMMON_CALL_KEYS: readonly string[] = [
  ...ADDRESS,
  ...PORT,
  ...STATUS,
  ERROR_TYPE,
  USAGE_SOURCE,
  ...RESENDS,
];

export function keysOf(names: Readonly<Record<keyof CallNames, Aliases>>): string[] {
  return Object.values(names).flat();
}

/** How a dialect counts, where the sender's own names do not tell. */
interface CountsOfCall {
  readonly operation: string;
  /** Input tokens are those that were not in the provider's cache, as Anthropic counts. */
  readonly inputExcludesCached?: boolean;
  /** The span's name says that the answer was streamed. */
  readonly isStream?: boolean;
}

/** What a span tells of a call, found under a dialect's names. */
export function readCall(
  span: OtlpSpan,
  names: CallNames,
  { operation, inputExcludesCached = false, isStream = false }: CountsOfCall,
): CallFacts {
  const { attributes } = span;
  const address = textOf(attributes, ADDRESS);
  const host = address === null ? null : hostOf(address);
  const responseModel = modelName(textOf(attributes, names.responseModel));
  const port = countOf(attributes, PORT) ?? undefined;
  const model = modelName(textOf(attributes, names.model)) ?? responseModel ?? 'unknown';
  const first = firstTokenOf(span, names);
  const usage = usageOf(attributes, names, inputExcludesCached);
  return {
    provider: providerId(textOf(attributes, names.provider), { host, port, model }),
    serverAddress: host,
    ...(port === undefined ? {} : { serverPort: port }),
    operation,
    model,
    responseModel,
    responseId: textOf(attributes, names.responseId),
    streaming: flagOf(attributes, names.streaming) ?? (isStream || first !== null),
    usage: usage?.tokens ?? null,
    usageSource:
      usage === null ? 'none' : attributes[USAGE_SOURCE] === 'estimated' ? 'estimated' : 'provider',
    usageMismatch: usage?.mismatch ?? false,
    firstTokenMs: first,
    finishReason: finishOf(attributes, names.finish),
    reportedCostUsd: costOf(attributes, names.cost),
    serviceTier: word(textOf(attributes, names.tier)),
    attempt: countOf(attributes, RESENDS),
    ...verdictOf(span),
  };
}

function countOf(attributes: OtlpAttributes, aliases: Aliases): number | null {
  const number = numberOf(attributes, aliases);
  return number === null ? null : tokenCount(Math.round(number));
}

function costOf(attributes: OtlpAttributes, aliases: Aliases): Usd | null {
  const amount = numberOf(attributes, aliases);
  // Senders that know no price say 0.
  return amount === null || amount === 0 ? null : amountUsd(amount);
}

function finishOf(attributes: OtlpAttributes, aliases: Aliases): string | null {
  for (const key of aliases) {
    const reason = word(firstOf(attributes[key]));
    if (reason !== null) return reason;
  }
  return null;
}

function firstTokenOf(span: OtlpSpan, names: CallNames): Milliseconds | null {
  const seconds = numberOf(span.attributes, names.firstTokenSeconds);
  const told = seconds === null ? numberOf(span.attributes, names.firstTokenMs) : seconds * SECOND_MS;
  const first = told ?? firstChunkAt(span);
  if (first === null || first < 0) return null;
  return milliseconds(Math.min(first, Math.max(0, span.endMs - span.startMs)));
}

function firstChunkAt({ events, startMs }: OtlpSpan): number | null {
  for (const event of events) {
    if (FIRST_CHUNK_EVENTS.has(event.name)) return event.timeMs - startMs;
  }
  return null;
}

interface ReadUsage {
  readonly tokens: TokenUsage;
  readonly mismatch: boolean;
}

function usageOf(attributes: OtlpAttributes, names: CallNames, excludesCached: boolean): ReadUsage | null {
  const input = countOf(attributes, names.input);
  const output = countOf(attributes, names.output);
  const total = countOf(attributes, names.total);
  if (input === null && output === null && total === null) return null;
  const cacheRead = countOf(attributes, names.cacheRead);
  const cacheWrite = countOf(attributes, names.cacheWrite);
  const cached = (cacheRead ?? 0) + (cacheWrite ?? 0);
  const counts: InclusiveCounts = {
    input: excludesCached && input !== null ? input + cached : input,
    output,
    // A total beside a raw input lacks what that lacks.
    total: excludesCached && total !== null ? Math.max(total, (input ?? 0) + cached + (output ?? 0)) : total,
    cacheRead,
    cacheWrite,
    inputAudio: without(countOf(attributes, names.inputAudio), countOf(attributes, names.cachedAudio)),
    inputImage: without(countOf(attributes, names.inputImage), countOf(attributes, names.cachedImage)),
    reasoning: countOf(attributes, names.reasoning),
    outputAudio: countOf(attributes, names.outputAudio),
    outputImage: countOf(attributes, names.outputImage),
  };
  const read = fromInclusive(counts);
  return read === null ? null : { tokens: read, mismatch: isInconsistent(counts, read) };
}

function without(part: number | null, cached: number | null): number | null {
  return part === null || cached === null ? part : Math.max(0, part - cached);
}

/** Parts larger than their whole, or a total that is no sum. */
function isInconsistent(counts: InclusiveCounts, read: TokenUsage): boolean {
  const { input, output, total } = counts;
  const cached = (counts.cacheRead ?? 0) + (counts.cacheWrite ?? 0);
  if (input !== null && cached > input) return true;
  if (output !== null && (counts.reasoning ?? 0) > output) return true;
  if (total === null || input === null || output === null) return false;
  return total !== input + output && total !== promptTokens(read) + completionTokens(read);
}

type Verdict = Pick<CallFacts, 'outcome' | 'errorType' | 'statusCode'>;

function verdictOf(span: OtlpSpan): Verdict {
  const statusCode = countOf(span.attributes, STATUS);
  if (span.status !== 'error') return { outcome: 'ok', errorType: null, statusCode };
  const type = failureOf(span);
  if (ABORTS.has(type)) return { outcome: 'aborted', errorType: null, statusCode };
  return { outcome: 'error', errorType: type, statusCode: statusCode ?? httpStatus(type) };
}

/** What a failed span failed with, in a word: its `error.type`, else the type of an exception; never a message. */
export function failureOf({ attributes, events }: OtlpSpan): string {
  const told = errorType([attributes[ERROR_TYPE]]);
  if (told !== null) return told;
  for (const event of events) {
    const type = event.name === 'exception' ? errorType([event.attributes['exception.type']]) : null;
    if (type !== null) return type;
  }
  return errorType([numberOf(attributes, STATUS)]) ?? OTHER_ERROR;
}

/** By convention `error.type` is the status where that says it. */
function httpStatus(type: string): number | null {
  const status = type.length === 3 ? Number(type) : Number.NaN;
  return status >= 400 && status < 600 ? status : null;
}

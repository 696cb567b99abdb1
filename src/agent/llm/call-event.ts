import type { Attribution } from '../../core/event.ts';
import { type Distribution, percentile } from '../../core/histogram.ts';
import type { CallLabels } from '../../core/llm/call-labels.ts';
import { errorType, modelName, word } from '../../core/llm/labels.ts';
import type { TokenUsage, UsageSource } from '../../core/llm/usage.ts';
import type { LlmCallEvent, LlmOutcome } from '../../core/signals/llm-call.ts';
import { type Milliseconds, milliseconds, SECOND_MS } from '../../core/units.ts';
import { newEventId } from '../../platform/ids.ts';
import type { AgentSettings } from '../instrumentation.ts';
import type { CallAttempt } from './attempts.ts';
import { providerOf, type Recognised } from './dialects/index.ts';
import type { RequestReader } from './reader/request-reader.ts';
import type { ResponseReader } from './reader/response-reader.ts';
import { estimateUsage } from './tokens/estimate.ts';
import type { RequestWeight } from './tokens/request-weight.ts';

export interface Ending {
  readonly outcome: LlmOutcome;
  readonly errorType: string | null;
}

/** What was so when the call ended, however much later its event is made. */
export interface Over {
  readonly timeMs: Milliseconds;
  readonly durationMs: Milliseconds;
  readonly ending: Ending;
  readonly attribution: Attribution & Pick<LlmCallEvent, 'hasAppSpan'>;
}

/** What was seen of a call that is over. */
export interface SeenCall {
  readonly host: string;
  /** Where it is not the protocol's default. */
  readonly port: number | undefined;
  readonly recognised: Recognised;
  readonly attempt: CallAttempt['current'];
  readonly request: RequestReader;
  readonly requestWeight: RequestWeight;
  readonly statusCode: number | null;
  readonly rateLimitResetMs: Milliseconds | null;
  readonly response: ResponseReader | null;
  readonly streaming: boolean;
  readonly firstTokenMs: Milliseconds | null;
  /** Between the chunks of a stream, in seconds. */
  readonly gaps: Distribution | null;
  readonly over: Over;
}

/** Longest message of an error that is recorded, if the user wants them at all. */
const MESSAGE_CHARS_MAX = 500;
/** Codes of a request that was refused for what it says, where no answer gives a reason to stop. */
const CONTENT_FILTER_CODES = new Set([
  'content_filter',
  'content_policy_violation',
  'ResponsibleAIPolicyViolation',
  'moderation_blocked',
]);
const CONTENT_FILTER = 'content_filter';

/** Whether this was a call at all: a redirect bills nothing, and a doubtful request must look like one inside. */
export function isCall({ statusCode, recognised, request, response }: SeenCall): boolean {
  if (statusCode !== null && statusCode >= 300 && statusCode < 400) return false;
  if (recognised.certain) return true;
  if (request.hasDialectKeys) return response?.mayBeCall !== false;
  return request.hasKeysButModel && response?.isTelling === true;
}

/**
 * The call's event; of what was said it holds nothing but what `settings` ask for. Its fields are in one order whatever the
 * call, so that all events are objects of one kind to the engine.
 */
export function callEvent(seen: SeenCall, labels: CallLabels, settings: AgentSettings): LlmCallEvent {
  const { recognised, request, response, attempt, over } = seen;
  const { outcome, errorType: error } = verdictOf(seen);
  const responseModel = modelName(response?.model);
  const model = modelName(request.model) ?? responseModel ?? 'unknown';
  const provider = providerOf(seen, recognised.dialect, model);
  const { usage, usageSource } = usageOf(seen, outcome);
  const event: Writable<LlmCallEvent> = {
    signal: 'llm-call',
    id: newEventId(over.timeMs),
    timeMs: over.timeMs,
    traceId: attempt.traceId,
    userEmail: over.attribution.userEmail,
    department: over.attribution.department,
    provider,
    model,
    errorType: error,
    serverAddress: seen.host,
    operation: recognised.dialect.operation,
    responseModel,
    streaming: seen.streaming,
    usage,
    usageSource,
    durationMs: over.durationMs,
    firstTokenMs: seen.streaming ? firstTokenOf(seen) : null,
    outcome,
    queryCategory: null,
    reportedCostUsd: response?.reportedCostUsd ?? null,
    statusCode: seen.statusCode,
    attempt: attempt.number,
    // A provider may quote the prompt in it: it is kept for those who asked for it only.
    errorMessage: error !== null && settings.errorMessages ? messageOf(response) : null,
    rateLimitResetMs: seen.rateLimitResetMs,
    finishReason: finishReasonOf(response, error),
    chunkGapP95Ms: gapP95(seen.gaps),
    usageMismatch: response?.usageMismatch ?? false,
    serviceTier: word(response?.serviceTier),
    billedUnits: response?.billedUnits ?? null,
  };
  addWhatIsKnown(event, seen, labels.of(event).labels);
  return event;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What is absent where nobody knows it. */
function addWhatIsKnown(
  event: Writable<LlmCallEvent>,
  { port, over: { attribution } }: SeenCall,
  labels: LlmCallEvent['labels'],
): void {
  if (port !== undefined) event.serverPort = port;
  if (attribution.parentSpanId !== undefined) event.parentSpanId = attribution.parentSpanId;
  if (attribution.sampled !== undefined) event.sampled = attribution.sampled;
  if (attribution.hasAppSpan !== undefined) event.hasAppSpan = attribution.hasAppSpan;
  if (labels !== undefined) event.labels = labels;
}

/** The 95th percentile of gaps in seconds. */
export function gapP95(gaps: Distribution | null): Milliseconds | null {
  return gaps === null ? null : milliseconds(percentile(gaps, 0.95) * SECOND_MS);
}

function firstTokenOf({ firstTokenMs, over }: SeenCall): Milliseconds | null {
  return firstTokenMs === null ? null : milliseconds(Math.min(firstTokenMs, over.durationMs));
}

function finishReasonOf(response: ResponseReader | null, error: string | null): string | null {
  const filtered = error !== null && CONTENT_FILTER_CODES.has(error);
  return word(response?.finishReason) ?? (filtered ? CONTENT_FILTER : null);
}

function messageOf(response: ResponseReader | null): string | null {
  const message = response?.errorMessage;
  return typeof message === 'string' ? utf8(message).slice(0, MESSAGE_CHARS_MAX) : null;
}

function verdictOf({ response, statusCode, over: { ending } }: SeenCall): Ending {
  if (statusCode !== null && statusCode >= 400) {
    return { outcome: 'error', errorType: errorType(response?.errors ?? []) ?? String(statusCode) };
  }
  if (response?.failed === true) {
    return { outcome: 'error', errorType: errorType(response.errors) ?? '_OTHER' };
  }
  // Readers that have all they need often cancel the stream instead of waiting for its end.
  if (ending.outcome === 'aborted' && response?.ended === true) return { outcome: 'ok', errorType: null };
  return ending;
}

function usageOf(
  { response, statusCode, requestWeight }: SeenCall,
  outcome: LlmOutcome,
): { readonly usage: TokenUsage | null; readonly usageSource: UsageSource } {
  const usage = response?.usage ?? null;
  if (response === null || (statusCode ?? 0) >= 400) return { usage: null, usageSource: 'none' };
  if (usage !== null && !response.usageIsProvisional) return { usage, usageSource: 'provider' };
  const billed = usage !== null || response.contentEvents > 0 || outcome !== 'error';
  if (!response.isStream || !billed) return { usage: null, usageSource: 'none' };
  const estimate = estimateUsage({
    inputTokens: requestWeight.tokens,
    outputTokens: response.outputTokens,
    provisional: usage,
  });
  return { usage: estimate, usageSource: 'estimated' };
}

/** Bytes as characters (latin1), as the readers see them, become text again; what was escaped in JSON is text already. */
function utf8(text: string): string {
  return /[\u0100-\uffff]/.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}

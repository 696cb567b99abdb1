import type {
  Attribution,
  LlmCallDetails,
  LlmCallEvent,
  LlmOutcome,
  TokenUsage,
  UsageSource,
} from '../../core/event.ts';
import { errorType, modelName, word } from '../../core/llm/labels.ts';
import { rateLimitReset } from '../../core/llm/rate-limit.ts';
import { callAttributes, LLM_CHUNK_GAPS } from '../../core/signals/llm-call.ts';
import { stageOfOperation } from '../../core/signals/rag-query.ts';
import { type Milliseconds, milliseconds } from '../../core/units.ts';
import { newEventId } from '../../platform/ids.ts';
import { attributionOf, type WorkContext } from '../context/context.ts';
import type { Agent } from '../instrumentation.ts';
import type { WireExchange, WireRequest } from '../wire/exchange.ts';
import { type Attempts, CallAttempt, isRetried } from './attempts.ts';
import type { BackgroundCalls } from './background.ts';
import { type BodyDecoder, bodyDecoder, giveText } from './body.ts';
import { ChunkGaps, gapP95 } from './chunk-gaps.ts';
import { providerOf, type Recognised } from './dialects/index.ts';
import { HeldPieces } from './held-pieces.ts';
import type { CallLabels } from './labels.ts';
import { RequestReader } from './reader/request-reader.ts';
import { ResponseReader } from './reader/response-reader.ts';
import { ESTIMATED_INPUT_MAX, estimateUsage } from './tokens/estimate.ts';
import { RequestWeight } from './tokens/request-weight.ts';

export interface LlmCallOptions {
  readonly agent: Agent;
  readonly labels: CallLabels;
  readonly attempts: Attempts;
  readonly background: BackgroundCalls;
  readonly recognised: Recognised;
  /** The work that asked for the call. */
  readonly context: WorkContext | undefined;
}

interface Ending {
  readonly outcome: LlmOutcome;
  readonly errorType: string | null;
}

/** What was so when the call ended, however much later its event is made. */
interface Over {
  readonly timeMs: Milliseconds;
  readonly durationMs: Milliseconds;
  readonly ending: Ending;
  readonly attribution: Attribution;
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

const OK: Ending = { outcome: 'ok', errorType: null };

/** One call of a model from the moment its request is made until its event. It keeps counts and names, never text. */
export class LlmCall implements WireExchange {
  readonly #options: LlmCallOptions;
  readonly #host: string;
  readonly #request: RequestReader;
  readonly #requestWeight = new RequestWeight(ESTIMATED_INPUT_MAX);
  readonly #attempt: CallAttempt;
  /** Of streams only. */
  #gaps: ChunkGaps | null = null;
  readonly #startMs: Milliseconds;
  #statusCode: number | null = null;
  #rateLimitResetMs: Milliseconds | null = null;
  #response: ResponseReader | null = null;
  readonly #held = new HeldPieces();
  #body: BodyDecoder | null = null;
  #firstTokenMs: Milliseconds | null = null;
  #ending: Ending | null = null;
  /** Ends the call's stage of the RAG query it is part of. */
  #endStage: (() => void) | null = null;
  /** When something last happened to the call. */
  activeMs: Milliseconds;

  constructor(options: LlmCallOptions, request: WireRequest) {
    const { agent, attempts, context, recognised } = options;
    this.#options = options;
    this.#host = request.host;
    this.#request = new RequestReader(recognised.dialect, recognised.pathModel);
    this.#startMs = agent.clock.monotonicMs();
    this.#attempt = new CallAttempt(attempts, request, { context, startMs: this.#startMs });
    this.activeMs = this.#startMs;
    if (recognised.certain) this.#beginStage();
  }

  sent(chunk: Buffer): void {
    this.#attempt.sent(chunk);
    if (!this.#request.done) giveText(chunk, (piece) => this.#request.write(piece));
    // Only a stream can be without its usage.
    if (!this.#request.done || this.#asksForStream) this.#requestWeight.write(chunk);
    const waits = this.#endStage === null && this.#options.context?.ragScope !== undefined;
    if (waits && this.#request.hasKeysButModel) this.#beginStage();
  }

  headers(statusCode: number, header: (name: string) => string | null): void {
    this.#active();
    const { agent, recognised } = this.#options;
    this.#statusCode = statusCode;
    this.#rateLimitResetMs = rateLimitReset(statusCode, header, agent.clock.epochMs());
    // Now, not at the end: the next try may begin before this answer was read.
    if (isRetried(statusCode)) this.#attempt.failed();
    const contentEncoding = (header('content-encoding') ?? '').trim();
    const reader = new ResponseReader(recognised.dialect, header('content-type') ?? '');
    reader.readHeaders(header);
    this.#response = reader;
    this.#body = bodyDecoder(contentEncoding, {
      text: (piece) => {
        if (this.#held.add(piece, this.activeMs)) this.#readHeld();
      },
      unreadable: (reason, explanation) => {
        agent.gaveUp(reason);
        this.#warn(`unreadable:${contentEncoding}`, `tokens of a model call stay unknown: ${explanation}`);
      },
    });
  }

  received(chunk: Buffer): void {
    this.#active();
    this.#body?.write(chunk);
  }

  /** The response has come to its end. */
  completed(): void {
    this.#end(OK);
  }

  /** The connection failed, or the app gave the call up. */
  failed(ending: Ending): void {
    if (this.#statusCode === null) this.#attempt.failed();
    this.#end(ending);
  }

  /** Not before it looks like a call: time that was given to a stage cannot be taken back. */
  #beginStage(): void {
    const { context, recognised } = this.#options;
    const ragScope = context?.ragScope;
    if (ragScope === undefined) return;
    const stage = stageOfOperation(recognised.dialect.operation);
    if (stage !== null) this.#endStage = ragScope.stageBegan(stage);
  }

  get #asksForStream(): boolean {
    return this.#options.recognised.pathStreams ?? this.#request.streaming;
  }

  #active(): void {
    this.activeMs = this.#options.agent.clock.monotonicMs();
  }

  /** Reads what is held, as if each piece were read when it came. */
  #readHeld(): void {
    this.#held.give((piece, timeMs) => this.#read(piece, timeMs));
  }

  #read(piece: string, timeMs: Milliseconds): void {
    const reader = this.#response;
    if (reader === null) return;
    const before = reader.contentEvents;
    reader.write(piece);
    const chunks = reader.contentEvents - before;
    if (chunks === 0) return;
    this.#firstTokenMs ??= milliseconds(timeMs - this.#startMs);
    this.#gaps ??= new ChunkGaps();
    this.#gaps.arrived(chunks, timeMs);
  }

  #elapsed(): Milliseconds {
    return milliseconds(this.#options.agent.clock.monotonicMs() - this.#startMs);
  }

  #end(ending: Ending): void {
    if (this.#ending !== null) return;
    this.#ending = ending;
    this.#endStage?.();
    const durationMs = this.#elapsed();
    const timeMs = this.#options.agent.clock.epochMs();
    // Now: the work may be for somebody else by the time the event is made.
    const attribution = attributionOf(this.#options.context);
    const finish = () => this.#finish(() => this.#emit({ timeMs, durationMs, ending, attribution }));
    if (this.#body === null) finish();
    else this.#body.end(finish);
  }

  /** The body was given as a whole: it is read, and nothing of its text is left for what waits. */
  #finish(emit: () => void): void {
    this.#readHeld();
    this.#response?.finish();
    this.#request.close();
    void this.#attempt.current; // Now: a failure that this call is the retry of is another's later.
    const { agent } = this.#options;
    if (this.#mayWait) agent.later(emit);
    else emit();
  }

  /**
   * A provider's words for a failure may quote the prompt, and do not wait. Nor does a call that goes on in the background:
   * the app may ask for its outcome next.
   */
  get #mayWait(): boolean {
    if ((this.#statusCode ?? 0) >= 400) return false;
    return this.#response === null || (!this.#response.failed && this.#response.pendingId === null);
  }

  #emit({ timeMs, durationMs, ending, attribution }: Over): void {
    if (!this.#isCall()) return;
    const { agent, background, labels, recognised } = this.#options;
    const response = this.#response;
    const { outcome, errorType: error } = this.#verdict(ending);
    const responseModel = modelName(response?.model);
    const model = modelName(this.#request.model) ?? responseModel;
    const streaming = response?.isStream === true || this.#asksForStream;
    const names = {
      provider: providerOf(this.#host, recognised.dialect),
      model: model ?? 'unknown',
      errorType: error,
    };
    const gaps = this.#gaps?.take() ?? null;
    const event: LlmCallEvent = {
      signal: 'llm-call',
      id: newEventId(timeMs),
      timeMs,
      ...attribution,
      traceId: this.#attempt.current.traceId,
      ...names,
      ...labels.of(names),
      serverAddress: this.#host,
      operation: recognised.dialect.operation,
      responseModel,
      streaming,
      ...this.#usage(outcome),
      durationMs,
      firstTokenMs: streaming ? this.#firstTokenWithin(durationMs) : null,
      outcome,
      queryCategory: null,
      reportedCostUsd: response?.reportedCostUsd ?? null,
      ...this.#details(error),
      chunkGapP95Ms: gapP95(gaps),
    };
    const pendingId = outcome === 'ok' ? (response?.pendingId ?? null) : null;
    if (pendingId === null) agent.emit(event);
    else background.began(pendingId, { event, dialect: recognised.dialect, startMs: this.#startMs });
    if (gaps !== null) agent.measured(LLM_CHUNK_GAPS, gaps, callAttributes(event));
  }

  #firstTokenWithin(durationMs: Milliseconds): Milliseconds | null {
    return this.#firstTokenMs === null ? null : milliseconds(Math.min(this.#firstTokenMs, durationMs));
  }

  #details(error: string | null): Omit<LlmCallDetails, 'chunkGapP95Ms'> {
    const response = this.#response;
    const filtered = error !== null && CONTENT_FILTER_CODES.has(error);
    return {
      statusCode: this.#statusCode,
      attempt: this.#attempt.current.number,
      errorMessage: error === null ? null : this.#errorMessage(),
      rateLimitResetMs: this.#rateLimitResetMs,
      finishReason: word(response?.finishReason) ?? (filtered ? CONTENT_FILTER : null),
      usageMismatch: response?.usageMismatch ?? false,
      serviceTier: word(response?.serviceTier),
      billedUnits: response?.billedUnits ?? null,
    };
  }

  /** A provider may quote the prompt in it: it is kept for those who asked for it only. */
  #errorMessage(): string | null {
    if (this.#options.agent.settings.errorMessages === false) return null;
    const message = this.#response?.errorMessage;
    return typeof message === 'string' ? utf8(message).slice(0, MESSAGE_CHARS_MAX) : null;
  }

  /** Whether this was a call at all: a redirect bills nothing, and a doubtful request must look like one inside. */
  #isCall(): boolean {
    if (this.#statusCode !== null && this.#statusCode >= 300 && this.#statusCode < 400) return false;
    if (this.#options.recognised.certain) return true;
    if (this.#request.hasDialectKeys) return this.#response?.mayBeCall !== false;
    return this.#request.hasKeysButModel && this.#response?.isTelling === true;
  }

  #verdict(ending: Ending): Ending {
    const response = this.#response;
    if (this.#statusCode !== null && this.#statusCode >= 400) {
      return { outcome: 'error', errorType: errorType(response?.errors ?? []) ?? String(this.#statusCode) };
    }
    if (response?.failed === true) {
      return { outcome: 'error', errorType: errorType(response.errors) ?? '_OTHER' };
    }
    // Readers that have all they need often cancel the stream instead of waiting for its end.
    if (ending.outcome === 'aborted' && response?.ended === true) return OK;
    return ending;
  }

  #usage(outcome: LlmOutcome): { readonly usage: TokenUsage | null; readonly usageSource: UsageSource } {
    const response = this.#response;
    const usage = response?.usage ?? null;
    if (response === null || (this.#statusCode ?? 0) >= 400) return { usage: null, usageSource: 'none' };
    if (usage !== null && !response.usageIsProvisional) return { usage, usageSource: 'provider' };
    const billed = usage !== null || response.contentEvents > 0 || outcome !== 'error';
    if (!response.isStream || !billed) return { usage: null, usageSource: 'none' };
    const estimate = estimateUsage({
      inputTokens: this.#requestWeight.tokens,
      outputTokens: response.outputTokens,
      provisional: usage,
    });
    return { usage: estimate, usageSource: 'estimated' };
  }

  #warn(key: string, message: string): void {
    this.#options.agent.warnOnce(`llm:${key}`, message);
  }
}

/** Bytes as characters (latin1), as the readers see them, become text again; what was escaped in JSON is text already. */
function utf8(text: string): string {
  return /[\u0100-\uffff]/.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}

import type { CallLabels } from '../../core/llm/call-labels.ts';
import { callAttributes } from '../../core/llm/call-measure.ts';
import { rateLimitReset } from '../../core/llm/rate-limit.ts';
import { stageOfOperation } from '../../core/signals/rag-query.ts';
import type { GivenUpReason } from '../../core/unfinished-observations.ts';
import { type Milliseconds, milliseconds } from '../../core/units.ts';
import { isInCallSpan } from '../context/app-trace.ts';
import { attributionOf, placeNow, type WorkContext, within } from '../context/context.ts';
import type { Agent } from '../instrumentation.ts';
import type { WireExchange, WireRequest } from '../wire/exchange.ts';
import { type Attempts, CallAttempt, isRetried } from './attempts.ts';
import type { BackgroundCalls } from './background.ts';
import { type BodyDecoder, bodyDecoder, giveText } from './body.ts';
import { callEvent, type Ending, isCall, type Over } from './call-event.ts';
import type { Recognised } from './dialects/index.ts';
import { RequestReader } from './reader/request-reader.ts';
import { ReceivedAnswer } from './received-answer.ts';
import { ESTIMATED_INPUT_MAX } from './tokens/estimate.ts';
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

const OK: Ending = { outcome: 'ok', errorType: null };

/** One call of a model from the moment its request is made until its event. It keeps counts and names, never text. */
export class LlmCall implements WireExchange {
  readonly #options: LlmCallOptions;
  readonly #host: string;
  readonly #port: number | undefined;
  readonly #request: RequestReader;
  readonly #requestWeight = new RequestWeight(ESTIMATED_INPUT_MAX);
  readonly #attempt: CallAttempt;
  /** What asked for the call: other spans may be active by its end. */
  readonly #place: ReturnType<typeof placeNow>;
  /** Of that span, if it is the app's own. */
  readonly #hasAppSpan: boolean;
  readonly #startMs: Milliseconds;
  #statusCode: number | null = null;
  #rateLimitResetMs: Milliseconds | null = null;
  #answer: ReceivedAnswer | null = null;
  #body: BodyDecoder | null = null;
  #ending: Ending | null = null;
  /** Ends the call's stage of the RAG query it is part of. */
  #endStage: (() => void) | null = null;
  /** When something last happened to the call. */
  activeMs: Milliseconds;

  constructor(options: LlmCallOptions, request: WireRequest) {
    const { agent, attempts, context, recognised } = options;
    this.#options = options;
    this.#host = request.host;
    this.#port = request.port;
    this.#request = new RequestReader(recognised.dialect, recognised.pathModel);
    this.#startMs = agent.clock.monotonicMs();
    this.#place = placeNow(context);
    this.#hasAppSpan = isInCallSpan();
    this.#attempt = new CallAttempt(attempts, request, {
      traceId: this.#place.traceId,
      startMs: this.#startMs,
    });
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
    const answer = new ReceivedAnswer(recognised.dialect, header('content-type') ?? '', () =>
      this.#tooCostly(),
    );
    answer.reader.readHeaders(header);
    this.#answer = answer;
    this.#body = bodyDecoder(contentEncoding, {
      bytes: (piece) => this.#receivedBytes(answer, piece),
      unreadable: (reason, explanation) => this.#unreadable(contentEncoding, reason, explanation),
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
    const { parentSpanId, sampled } = this.#place;
    const ofWork = attributionOf(this.#options.context);
    const isElsewhere = parentSpanId !== null || sampled !== undefined || this.#hasAppSpan;
    const attribution = isElsewhere
      ? { ...ofWork, ...within(parentSpanId, sampled), ...(this.#hasAppSpan && { hasAppSpan: true }) }
      : ofWork;
    const finish = () => this.#finish(() => this.#emit({ timeMs, durationMs, ending, attribution }));
    if (this.#body === null) finish();
    else this.#body.end(finish);
  }

  /** The body was given as a whole: it is read, and nothing of its text is left for what waits. */
  #finish(emit: () => void): void {
    this.#answer?.finish();
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
    const reader = this.#answer?.reader;
    return reader === undefined || (!reader.failed && reader.pendingId === null);
  }

  #emit(over: Over): void {
    const { agent, background, labels, recognised } = this.#options;
    const response = this.#answer?.reader ?? null;
    const firstMs = this.#answer?.firstContentMs ?? null;
    const gaps = this.#answer?.takeGaps() ?? null;
    const seen = {
      host: this.#host,
      port: this.#port,
      recognised,
      attempt: this.#attempt.current,
      request: this.#request,
      requestWeight: this.#requestWeight,
      statusCode: this.#statusCode,
      rateLimitResetMs: this.#rateLimitResetMs,
      response,
      streaming: response?.isStream === true || this.#asksForStream,
      firstTokenMs: firstMs === null ? null : milliseconds(firstMs - this.#startMs),
      gaps,
      over,
    };
    if (!isCall(seen)) return;
    const event = callEvent(seen, labels, agent.settings);
    const pendingId = event.outcome === 'ok' ? (response?.pendingId ?? null) : null;
    if (pendingId === null) agent.emit(event);
    else background.began(pendingId, { event, dialect: recognised.dialect, startMs: this.#startMs });
    if (gaps !== null) agent.chunkGaps(gaps, callAttributes(event));
  }

  #receivedBytes(answer: ReceivedAnswer, piece: Buffer): void {
    answer.add(piece, this.activeMs);
  }

  #tooCostly(): void {
    this.#unreadable('costly', 'body_costly', 'reading the answer takes too much time');
    this.#body?.stop();
  }

  #unreadable(contentEncoding: string, reason: GivenUpReason, explanation: string): void {
    const { agent } = this.#options;
    agent.gaveUp(reason);
    agent.warnOnce(
      `llm:unreadable:${contentEncoding}`,
      `tokens of a model call stay unknown: ${explanation}`,
    );
  }
}

import {
  type LlmCallEvent,
  type LlmOutcome,
  NO_CALL_DETAILS,
  type TokenUsage,
  type UsageSource,
} from '../../core/event.ts';
import { ESTIMATED_INPUT_MAX, estimateUsage } from '../../core/llm/estimate.ts';
import { providerOf, type Recognised } from '../../core/llm/index.ts';
import { type BoundedLabels, errorType, modelName } from '../../core/llm/labels.ts';
import { RequestReader } from '../../core/llm/request-reader.ts';
import { RequestWeight } from '../../core/llm/request-weight.ts';
import { ResponseReader } from '../../core/llm/response-reader.ts';
import { type Milliseconds, milliseconds } from '../../core/units.ts';
import { newEventId } from '../../ids.ts';
import type { Agent } from '../agent.ts';
import { attributionOf, type WorkContext } from '../context.ts';
import type { WireExchange } from '../wire/exchange.ts';
import { type BodyDecoder, bodyDecoder, giveText } from './llm-body.ts';

/** Values that may become labels, bounded for the whole process. */
export interface LlmLabels {
  readonly models: BoundedLabels;
  readonly providers: BoundedLabels;
  readonly errors: BoundedLabels;
}

export interface LlmCallOptions {
  readonly agent: Agent;
  readonly labels: LlmLabels;
  readonly host: string;
  readonly recognised: Recognised;
  /** The work that asked for the call. */
  readonly context: WorkContext | undefined;
}

interface Ending {
  readonly outcome: LlmOutcome;
  readonly errorType: string | null;
}

const OK: Ending = { outcome: 'ok', errorType: null };

/** One call of a model from the moment its request is made until its event. It keeps counts and names, never text. */
export class LlmCall implements WireExchange {
  readonly #options: LlmCallOptions;
  readonly #request: RequestReader;
  readonly #startMs: Milliseconds;
  readonly #requestWeight = new RequestWeight(ESTIMATED_INPUT_MAX);
  #statusCode = 0;
  #response: ResponseReader | null = null;
  #body: BodyDecoder | null = null;
  #firstTokenMs: Milliseconds | null = null;
  #ending: Ending | null = null;
  /** When something last happened to the call. */
  activeMs: Milliseconds;

  constructor(options: LlmCallOptions) {
    this.#options = options;
    this.#request = new RequestReader(options.recognised.dialect, options.recognised.pathModel);
    this.#startMs = options.agent.clock.monotonicMs();
    this.activeMs = this.#startMs;
  }

  sent(chunk: Buffer): void {
    if (!this.#request.done || this.#request.streaming) this.#requestWeight.write(chunk);
    if (this.#request.done) return;
    giveText(chunk, (piece) => this.#request.write(piece));
  }

  headers(statusCode: number, header: (name: string) => string | null): void {
    this.#active();
    this.#statusCode = statusCode;
    const contentType = header('content-type') ?? '';
    const contentEncoding = (header('content-encoding') ?? '').trim();
    const reader = new ResponseReader(this.#options.recognised.dialect, contentType);
    this.#response = reader;
    this.#body = bodyDecoder(contentEncoding, {
      text: (piece) => this.#read(reader, piece),
      unreadable: (reason) =>
        this.#warn(`unreadable:${contentEncoding}`, `tokens of a model call stay unknown: ${reason}`),
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
    this.#end(ending);
  }

  #active(): void {
    this.activeMs = this.#options.agent.clock.monotonicMs();
  }

  #read(reader: ResponseReader, piece: string): void {
    reader.write(piece);
    if (this.#firstTokenMs === null && reader.contentEvents > 0) this.#firstTokenMs = this.#elapsed();
  }

  #elapsed(): Milliseconds {
    return milliseconds(this.#options.agent.clock.monotonicMs() - this.#startMs);
  }

  #end(ending: Ending): void {
    if (this.#ending !== null) return;
    this.#ending = ending;
    const durationMs = this.#elapsed();
    const timeMs = this.#options.agent.clock.epochMs();
    const finish = () => this.#emit(timeMs, durationMs, ending);
    if (this.#body === null) finish();
    else this.#body.end(finish);
  }

  #emit(timeMs: Milliseconds, durationMs: Milliseconds, ending: Ending): void {
    this.#response?.finish();
    if (!this.#isCall()) return;
    const { agent, labels, host, recognised, context } = this.#options;
    const response = this.#response;
    const { outcome, errorType: error } = this.#verdict(ending);
    const responseModel = modelName(response?.model);
    const model = modelName(this.#request.model) ?? responseModel;
    const event: LlmCallEvent = {
      signal: 'llm-call',
      ...NO_CALL_DETAILS,
      id: newEventId(timeMs),
      timeMs,
      ...attributionOf(context),
      provider: labels.providers.of(providerOf(host, recognised.dialect)),
      serverAddress: host,
      operation: recognised.dialect.operation,
      model: labels.models.of(model ?? 'unknown'),
      responseModel,
      streaming: response?.isStream === true || (recognised.pathStreams ?? this.#request.streaming),
      ...this.#usage(outcome),
      durationMs,
      firstTokenMs:
        this.#firstTokenMs === null ? null : milliseconds(Math.min(this.#firstTokenMs, durationMs)),
      outcome,
      errorType: error === null ? null : labels.errors.of(error),
      queryCategory: null,
      reportedCostUsd: response?.reportedCostUsd ?? null,
    };
    agent.emit(event);
  }

  /** Whether this was a call at all: a redirect bills nothing, and a doubtful request must look like one inside. */
  #isCall(): boolean {
    if (this.#statusCode >= 300 && this.#statusCode < 400) return false;
    if (this.#options.recognised.certain) return true;
    return this.#request.hasDialectKeys && this.#response?.mayBeCall !== false;
  }

  #verdict(ending: Ending): Ending {
    const response = this.#response;
    if (this.#statusCode >= 400) {
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
    if (response === null || this.#statusCode >= 400) return { usage: null, usageSource: 'none' };
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

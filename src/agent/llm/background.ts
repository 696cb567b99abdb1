import { errorType, modelName, word } from '../../core/llm/labels.ts';
import type { LlmCallEvent } from '../../core/signals/llm-call.ts';
import { HOUR_MS, type Milliseconds, milliseconds } from '../../core/units.ts';
import { newEventId } from '../../platform/ids.ts';
import type { Agent } from '../instrumentation.ts';
import type { WireExchange, WireRequest } from '../wire/exchange.ts';
import { type BodyDecoder, bodyDecoder, giveText } from './body.ts';
import { callLabelsOf } from './call-labels.ts';
import type { Dialect } from './dialects/dialect.ts';
import { ResponseReader } from './reader/response-reader.ts';

/** Calls whose outcome the app has not asked for yet, at most. */
export const PENDING_MAX = 1000;
/** Nobody here seems to ask any more. */
const PENDING_MAX_MS = HOUR_MS;
const OK = 200;
const CANCELLED = 'cancelled';

/** A call that was begun: its event but for the outcome. */
export interface BegunCall {
  readonly event: LlmCallEvent;
  readonly dialect: Dialect;
  readonly startMs: Milliseconds;
}

/**
 * Calls that go on in the background (`"background": true`): the first answer has no figures, and the app asks for them
 * until they are there. The request that brings the outcome makes the row, once; asking in vain makes none. A call whose
 * outcome nobody asked for in an hour, in this process, or before 1,000 others had begun, is recorded without tokens.
 */
export class BackgroundCalls {
  readonly #agent: Agent;
  /** By host and id, the oldest first. */
  readonly #pending = new Map<string, BegunCall>();

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  began(id: string, call: BegunCall): void {
    this.#forget(PENDING_MAX - 1);
    this.#pending.set(keyOf(call.event.serverAddress, id), call);
  }

  /** Follows a request that may bring an outcome; `null` for every other. */
  open({ host, path }: WireRequest): WireExchange | null {
    if (this.#pending.size === 0) return null;
    const pathname = path.split('?', 1)[0] ?? '';
    const key = keyOf(host, pathname.slice(pathname.lastIndexOf('/') + 1));
    const call = this.#pending.get(key);
    if (call === undefined) {
      this.#forget(PENDING_MAX);
      return null;
    }
    return new Retrieval(this.#agent, call.dialect, (reader) => this.#ended(key, reader));
  }

  /** What is still open is recorded as far as it is known. */
  stop(): void {
    for (const { event } of this.#pending.values()) this.#agent.emit(event);
    this.#pending.clear();
  }

  /** Gives up what is too old, and the oldest of more than `sizeMax`. */
  #forget(sizeMax: number): void {
    const oldestMs = this.#agent.clock.monotonicMs() - PENDING_MAX_MS;
    for (const [key, { startMs }] of this.#pending) {
      if (startMs >= oldestMs && this.#pending.size <= sizeMax) break;
      this.#giveUp(key);
    }
  }

  #giveUp(key: string): void {
    const call = this.#pending.get(key);
    this.#pending.delete(key);
    if (call === undefined) return;
    this.#agent.gaveUp('background_forgotten');
    this.#agent.emit(call.event);
  }

  #ended(key: string, reader: ResponseReader): void {
    const call = this.#pending.get(key);
    // Two requests that asked at the same time bring the same outcome.
    if (call === undefined || reader.pendingId !== null || !(reader.isTelling || reader.failed)) return;
    this.#pending.delete(key);
    const { clock } = this.#agent;
    const timeMs = clock.epochMs();
    const durationMs = milliseconds(clock.monotonicMs() - call.startMs);
    const outcome = outcomeOf(call.event, reader);
    const labels = callLabelsOf(this.#agent).of(outcome);
    this.#agent.emit({ ...outcome, ...labels, id: newEventId(timeMs), timeMs, durationMs });
  }
}

const keyOf = (host: string | null, id: string): string => `${host ?? ''} ${id}`;

function outcomeOf({ labels: _labels, ...begun }: LlmCallEvent, reader: ResponseReader): LlmCallEvent {
  const { usage, failed } = reader;
  const finishReason = word(reader.finishReason);
  const cancelled = !failed && finishReason === CANCELLED;
  return {
    ...begun,
    responseModel: modelName(reader.model) ?? begun.responseModel,
    usage,
    usageSource: usage === null ? 'none' : 'provider',
    outcome: failed ? 'error' : cancelled ? 'aborted' : 'ok',
    errorType: failed ? (errorType(reader.errors) ?? '_OTHER') : cancelled ? CANCELLED : null,
    reportedCostUsd: reader.reportedCostUsd,
    finishReason,
    usageMismatch: reader.usageMismatch,
    serviceTier: word(reader.serviceTier) ?? begun.serviceTier,
    billedUnits: reader.billedUnits,
  };
}

/** One request for an outcome. */
class Retrieval implements WireExchange {
  readonly #agent: Agent;
  readonly #dialect: Dialect;
  readonly #told: (reader: ResponseReader) => void;
  #reader: ResponseReader | null = null;
  #body: BodyDecoder | null = null;
  activeMs: Milliseconds;

  constructor(agent: Agent, dialect: Dialect, told: (reader: ResponseReader) => void) {
    this.#agent = agent;
    this.#dialect = dialect;
    this.#told = told;
    this.activeMs = agent.clock.monotonicMs();
  }

  sent(): void {
    this.activeMs = this.#agent.clock.monotonicMs();
  }

  headers(statusCode: number, header: (name: string) => string | null): void {
    this.sent();
    if (statusCode !== OK) return; // The call goes on, whatever became of asking.
    const reader = new ResponseReader(this.#dialect, header('content-type') ?? '');
    this.#reader = reader;
    this.#body = bodyDecoder((header('content-encoding') ?? '').trim(), {
      bytes: (piece) => giveText(piece, (text) => reader.write(text)),
      unreadable: (reason) => this.#agent.gaveUp(reason),
    });
  }

  received(chunk: Buffer): void {
    this.sent();
    this.#body?.write(chunk);
  }

  completed(): void {
    this.#body?.end(() => this.#finish(true));
  }

  failed(): void {
    this.#body?.end(() => this.#finish(this.#reader?.ended === true));
  }

  #finish(whole: boolean): void {
    this.#reader?.finish();
    if (this.#reader?.gaveUp === true) this.#agent.gaveUp('body_costly');
    if (whole && this.#reader !== null) this.#told(this.#reader);
  }
}

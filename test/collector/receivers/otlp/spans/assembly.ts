import assert from 'node:assert/strict';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import {
  TraceAssembler,
  type TraceAssemblerOptions,
} from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import type { Decided } from '../../../../../src/collector/receivers/otlp/spans/decide.ts';
import type { ToldEvent } from '../../../../../src/collector/receivers/otlp/spans/telling.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import type { LlmCallEvent } from '../../../../../src/core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../../../src/core/signals/rag-query.ts';
import type { RequestEvent } from '../../../../../src/core/signals/request.ts';
import type { SpanEvent } from '../../../../../src/core/signals/span.ts';

/** An assembler with a clock that the test turns, and all that it has told and not taken back. */
export class Assembly {
  nowMs = 0;
  readonly assembler: TraceAssembler;
  told: ToldEvent[] = [];
  /** All that it told, what it took back included. */
  readonly stream: NervecenterEvent[] = [];
  /** How often something was taken back. */
  retractions = 0;
  readonly kept: SpanEvent[] = [];

  constructor(options: Partial<TraceAssemblerOptions> = {}) {
    this.assembler = new TraceAssembler({
      now: () => this.nowMs,
      wallClock: () => this.nowMs,
      onDecided: (decided) => this.#take(decided),
      onFailed: (error) => {
        throw error;
      },
      ...options,
    });
  }

  accept(spans: readonly OtlpSpan[], bytes?: number, stored?: ReadonlySet<string>) {
    const accepted = this.assembler.accept(spans, bytes, undefined, stored);
    this.hear(accepted.events);
    this.kept.push(...accepted.spans);
    accepted.offered();
    return accepted;
  }

  /** So much time passes, with ticks in it. */
  wait(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs = Math.min(endMs, this.nowMs + 250);
      this.assembler.tick();
    }
  }

  get events(): NervecenterEvent[] {
    return this.told.map(({ event }) => event);
  }

  get calls(): LlmCallEvent[] {
    return this.events.filter((event) => event.signal === 'llm-call');
  }

  get queries(): RagQueryEvent[] {
    return this.events.filter((event) => event.signal === 'rag-query');
  }

  get requests(): RequestEvent[] {
    return this.events.filter((event) => event.signal === 'request');
  }

  /** Nothing is told twice, and what is taken back is what was told. */
  hear(events: readonly ToldEvent[]): void {
    this.stream.push(...events.map(({ event }) => event));
    for (const { event, spanId } of events) {
      const { retractsMs, ...told } = event;
      if ('cost' in told) delete told.cost; // As its row says.
      const before = this.told.find(
        ({ event: { id, signal } }) => id === event.id && signal === event.signal,
      );
      if (retractsMs === undefined) {
        assert.equal(before, undefined, `told twice: ${event.signal} of ${spanId}`);
        this.told.push({ event: told, spanId });
      } else {
        assert.deepEqual(before, { event: told, spanId });
        this.told = this.told.filter((one) => one !== before);
        this.retractions++;
      }
    }
  }

  #take({ events, spans }: Decided): void {
    this.hear(events);
    this.kept.push(...spans);
  }
}

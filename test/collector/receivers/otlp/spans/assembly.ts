import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import {
  TraceAssembler,
  type TraceAssemblerOptions,
} from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import type { Decided, ToldEvent } from '../../../../../src/collector/receivers/otlp/spans/decide.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import type { LlmCallEvent } from '../../../../../src/core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../../../src/core/signals/rag-query.ts';
import type { RequestEvent } from '../../../../../src/core/signals/request.ts';
import type { SpanEvent } from '../../../../../src/core/signals/span.ts';

/** An assembler with a clock that the test turns, and all that it has told. */
export class Assembly {
  nowMs = 0;
  readonly assembler: TraceAssembler;
  readonly told: ToldEvent[] = [];
  readonly kept: SpanEvent[] = [];

  constructor(options: Partial<TraceAssemblerOptions> = {}) {
    this.assembler = new TraceAssembler({
      now: () => this.nowMs,
      onDecided: (decided) => this.#take(decided),
      ...options,
    });
  }

  accept(spans: readonly OtlpSpan[], bytes?: number) {
    const accepted = this.assembler.accept(spans, bytes);
    this.told.push(...accepted.events);
    this.kept.push(...accepted.spans);
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

  #take({ events, spans }: Decided): void {
    this.told.push(...events);
    this.kept.push(...spans);
  }
}

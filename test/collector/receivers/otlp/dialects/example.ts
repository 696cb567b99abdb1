import type {
  CallFacts,
  RetrievalFacts,
  SpanRole,
} from '../../../../../src/collector/receivers/otlp/dialects/dialect.ts';
import type { TokenUsage } from '../../../../../src/core/llm/usage.ts';
import type { SpanParts } from '../span.ts';

/** Numbers without their units. */
type Plain<T> = {
  readonly [K in keyof T]: T[K] extends number | undefined
    ? number | undefined
    : T[K] extends number | null | undefined
      ? number | null | undefined
      : T[K];
};

/** A span as one instrumentation makes it, and what it is. */
export interface Example {
  readonly name: string;
  readonly span: SpanParts;
  readonly role: SpanRole | null;
  /** What must be read of a call; the rest as in `NOTHING_ELSE`. */
  readonly call?: Plain<Partial<Omit<CallFacts, 'usage'>>> & {
    readonly usage?: Plain<Partial<TokenUsage>> | null;
  };
  readonly retrieval?: Partial<RetrievalFacts>;
}

/** SHA-256 of `how long is a file?`. */
export const QUESTION = '  How LONG is\n a file? ';

export const client = (attributes: SpanParts['attributes'], scope?: string): SpanParts => ({
  kind: 'client',
  attributes: attributes ?? {},
  ...(scope !== undefined && { scope }),
});

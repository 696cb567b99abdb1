import fc from 'fast-check';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS, HOLD_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { Assembly } from './assembly.ts';
import type { Traces } from './random-traces.ts';

/** How spans come: by what they are sorted, how many in a batch, and how long after the one before. */
export const arrival = fc.record({
  keys: fc.array(fc.integer(), { minLength: 1, maxLength: 40 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 10 }),
  gaps: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 10 }),
});
export type Arrival = typeof arrival extends fc.Arbitrary<infer A> ? A : never;

export const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;

export function shuffled(spans: readonly OtlpSpan[], { keys }: Arrival): OtlpSpan[] {
  const keyed = spans.map((span, i) => ({ span, key: Math.imul(at(keys, i) ^ i, 0x9e3779b1) }));
  return keyed.sort((one, other) => one.key - other.key).map(({ span }) => span);
}

export function batchesOf(spans: readonly OtlpSpan[], { sizes }: Arrival): OtlpSpan[][] {
  const batches: OtlpSpan[][] = [];
  for (let from = 0; from < spans.length; from += at(sizes, batches.length - 1)) {
    batches.push(spans.slice(from, from + at(sizes, batches.length)));
  }
  return batches;
}

/** Between batches: within the hold, and beyond what any decision waits. In milliseconds. */
export const PAUSES = [0, 0, 300, HOLD_MS, HOLD_MAX_MS, 3 * 60_000];

export const rowsOf = (events: readonly NervecenterEvent[]): NervecenterEvent[] =>
  events.toSorted((one, other) => (one.signal + one.id < other.signal + other.id ? -1 : 1));

export function inOrder({ spans }: Traces): Assembly {
  const assembly = new Assembly();
  assembly.accept(spans);
  assembly.assembler.flush();
  return assembly;
}

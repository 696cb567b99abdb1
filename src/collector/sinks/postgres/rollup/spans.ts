/** Milliseconds since the epoch, exclusive of the end. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whole units of the finer spans recomputed, as far as they are complete, and those that have become so. */
export function unitsOf(finer: readonly Span[], unitMs: number, reachedMs: number, untilMs: number): Span[] {
  const units = finer.map(({ fromMs, toMs }) => ({
    fromMs: floorTo(fromMs, unitMs),
    toMs: Math.min(Math.ceil(toMs / unitMs) * unitMs, untilMs),
  }));
  // The one that was open when the last step ended, though nothing new may be in it since.
  if (reachedMs < untilMs) units.push({ fromMs: reachedMs, toMs: reachedMs + unitMs });
  return joined(units.sort((a, b) => a.fromMs - b.fromMs));
}

/** Spans in order, touching and overlapping ones as one, empty ones left out. */
export function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (span.toMs <= span.fromMs) continue;
    if (last !== undefined && span.fromMs <= last.toMs) {
      result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, span.toMs) };
    } else result.push(span);
  }
  return result;
}

/** Beginnings and ends, as parameters of a statement. */
export function rangesOf(spans: readonly Span[]): [Date[], Date[]] {
  return [spans.map(({ fromMs }) => toDate(fromMs)), spans.map(({ toMs }) => toDate(toMs))];
}

export function floorTo(ms: number, step: number): number {
  return Math.floor(ms / step) * step;
}

export function toDate(ms: number): Date {
  return new Date(ms);
}

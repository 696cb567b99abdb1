/** Whether a trace is recorded as spans: `parent` is what was decided of the span around, `undefined` where there is none. */
export type Sampler = (traceId: string, parent: boolean | undefined) => boolean;

const RATIO_MAX = 0xffff_ffff;
const PART_DIGITS = 8;
const TRACE_ID_DIGITS = 32;
const PARENT_BASED = 'parentbased_';

const always: Sampler = () => true;
const never: Sampler = () => false;

/** What decides where nobody above has: by the names of `OTEL_TRACES_SAMPLER`. */
const ROOTS: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => always,
  always_off: () => never,
  traceidratio: byRatio,
};

/**
 * The samplers of the OpenTelemetry specification, by trace id as OpenTelemetry JS has them: what its SDK decides of a trace
 * is decided here as well, without asking it.
 *
 * @param name `OTEL_TRACES_SAMPLER`; `null` for one that is not known.
 * @param ratio `OTEL_TRACES_SAMPLER_ARG`, 0 to 1.
 */
export function samplerOf(name: string, ratio: number): Sampler | null {
  const root = name.startsWith(PARENT_BASED) ? name.slice(PARENT_BASED.length) : name;
  const decide = Object.hasOwn(ROOTS, root) ? (ROOTS[root]?.(ratio) ?? null) : null;
  if (decide === null || root === name) return decide;
  return (traceId, parent) => parent ?? decide(traceId, undefined);
}

function byRatio(ratio: number): Sampler {
  const bound = ratio >= 1 ? RATIO_MAX + 1 : Math.floor(ratio * RATIO_MAX);
  return (traceId) => foldedId(traceId) < bound;
}

/** The four parts of a trace id as one number of 32 bits. */
function foldedId(traceId: string): number {
  let folded = 0;
  for (let at = 0; at < TRACE_ID_DIGITS; at += PART_DIGITS) {
    folded = (folded ^ Number.parseInt(traceId.slice(at, at + PART_DIGITS), 16)) >>> 0;
  }
  return folded;
}

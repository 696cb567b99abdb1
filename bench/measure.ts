/** Samples of each variant, one per round, in the same order. */
export type Samples<N extends string> = Readonly<Record<N, readonly number[]>>;

/** Measures something once and gives its cost. */
export type Measurement = () => number | Promise<number>;

/**
 * Runs every variant once per round, so that whatever disturbs the machine disturbs all of them alike. The first round
 * only warms up.
 */
export async function interleaved<N extends string>(
  rounds: number,
  variants: Readonly<Record<N, Measurement>>,
): Promise<Samples<N>> {
  const names = Object.keys(variants) as N[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const cost = await variants[name]();
      if (round > 0) samples[name].push(cost);
    }
  }
  return samples;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function least(values: readonly number[]): number {
  return Math.min(...values);
}

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

/** Median of the rounds' ratios: a round in which the machine was slow was slow for both. */
export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): number {
  return median(numerators.map((numerator, round) => numerator / (denominators[round] ?? Number.NaN)));
}

/**
 * CPU time this process has used, in milliseconds: what others do on the machine is not in it. Of the whole process, because
 * Linux brings a single thread's up to date only with its clock's tick, every 1 to 4 ms.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** CPU time that `work` takes, in milliseconds. */
export async function cpuMsOf(work: () => unknown): Promise<number> {
  const before = cpuMs();
  await work();
  return cpuMs() - before;
}

/** The same for work that is not asynchronous. */
export function cpuMsOfSync(work: () => void): number {
  const before = cpuMs();
  work();
  return cpuMs() - before;
}

/** `12.3 (least 11.8) ms`. */
export function spread(values: readonly number[], unit: string): string {
  return `${round(median(values))} (least ${round(least(values))}) ${unit}`;
}

/** Three significant digits; whole numbers keep theirs. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)));
}

export function garbageCollect(): void {
  globalThis.gc?.();
}

import assert from 'node:assert/strict';
import { mutated, Random } from './mutations.ts';

/** Another seed finds other things: `FUZZ_SEED=7 npx vitest run …`; `FUZZ_RUNS` has it try longer. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_129);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 100_000);
/** One input in so many is made of nothing but chance. */
const RANDOM_SHARE = 10;
const RANDOM_BYTES_MAX = 300;
/** One input in so many at least takes each way. */
const REACHED_SHARE = 500;
/** After so many runs whoever waits for this process is answered. */
const RUNS_AT_ONCE = 500;

/**
 * Makes inputs, each by chance and the same ones for the same seed, and tries each.
 *
 * @param attempt throws where the input does what none may do.
 * @param share one of so many of the runs, for what takes long and is hardly ours. @default all
 * @param reached kinds of inputs that `attempt` tells, of which there have to be some: each is a way through the parser.
 * @throws Error with the seed, which of the inputs it was, and the input.
 */
export async function tryAll<T>(
  make: (random: Random) => T,
  attempt: (input: T, random: Random) => string | Promise<string>,
  { reached, share = 1 }: { readonly reached: readonly string[]; readonly share?: number },
): Promise<void> {
  const kinds: Record<string, number> = {};
  for (let run = 0; run < RUNS / share; run++) {
    const random = new Random(SEED + run);
    const input = make(random);
    try {
      const told = attempt(input, random);
      const kind = typeof told === 'string' ? told : await told;
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    } catch (cause) {
      throw new Error(`FUZZ_SEED=${SEED}, input ${run}: ${shown(input)}: ${String(cause)}`, { cause });
    }
    if (run % RUNS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const kind of reached)
    assert.ok((kinds[kind] ?? 0) * share >= RUNS / REACHED_SHARE, `${kind}: ${JSON.stringify(kinds)}`);
}

/** One of the examples with a few changes, two of them one in the other, or bytes that are none of them. */
export function bytesLike(examples: readonly Buffer[]): (random: Random) => Buffer {
  return (random) => {
    if (random.below(RANDOM_SHARE) === 0) return random.bytes(random.below(RANDOM_BYTES_MAX));
    const example = random.of(examples);
    if (random.below(RANDOM_SHARE) > 0) return mutated(example, random);
    const other = random.of(examples);
    const at = random.below(example.length + 1);
    return mutated(Buffer.concat([example.subarray(0, at), other, example.subarray(at)]), random);
  };
}

function shown(input: unknown): string {
  if (input instanceof Uint8Array) return Buffer.from(input).toString('base64');
  const text = typeof input === 'string' ? JSON.stringify(input) : JSON.stringify(input, asText);
  return text.slice(0, 4000);
}

function asText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

import { MINUTE_MS } from '../../../../core/units.ts';
import type { Batch } from '../../postgres/spool/batch.ts';
import type { Spools } from '../../postgres/spool/spools.ts';

export type BatchName = Pick<Batch, 'writer' | 'seq'>;

/** An outage with little traffic may have left a million batches; what is sent again was sent last. */
const NAMES_MAX = 100_000;
/** Who sends again does so within minutes; later the same bytes are something new. */
const FOUND_MS = 15 * MINUTE_MS;

/** Which batches earlier processes have left on disk. */
export class FoundBatches {
  /** Read once somebody asks: most collectors are never sent anything again. */
  #names: Promise<ReadonlySet<string>> | null = null;
  #untilMs = 0;

  /** There are spools that were not there before. */
  lookAgain(): void {
    this.#names = null;
    this.#untilMs = performance.now() + FOUND_MS;
  }

  /** Whether it was there, waiting or sent a short while before, as its spool was found not long ago. Never rejects. */
  async has(batch: BatchName, spools: Spools | null): Promise<boolean> {
    if (performance.now() > this.#untilMs) return false;
    this.#names ??= namesIn(spools);
    return (await this.#names).has(keyOf(batch));
  }
}

/** A file that cannot be read says nothing. */
async function namesIn(spools: Spools | null): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const batch of spools?.allFacts() ?? []) {
    names.add(keyOf(batch));
    const [oldest] = names;
    if (names.size > NAMES_MAX && oldest !== undefined) names.delete(oldest);
  }
  return names;
}

function keyOf({ writer, seq }: BatchName): string {
  return `${writer} ${seq}`;
}

import { text } from '../../../core/signals/row.ts';
import type { OtlpRejected } from './model.ts';

const NAME_CHARS_MAX = 100;

interface Refused {
  count: number;
  /** What was refused first. */
  readonly example: string;
}

/** What of a request could not be used, by reason. Reasons are fixed texts, so there are few. */
export class Refusals {
  readonly #byReason = new Map<string, Refused>();

  /** @param name of the metric, record or span; it comes from anybody, and is cut. */
  add(reason: string, name: string, count = 1): void {
    const known = this.#byReason.get(reason);
    if (known === undefined) {
      this.#byReason.set(reason, { count, example: text(name, NAME_CHARS_MAX) ?? '' });
    } else known.count += count;
  }

  /** As `partial_success` tells it. */
  get rejected(): OtlpRejected {
    let count = 0;
    const reasons: string[] = [];
    for (const [reason, { count: refused, example }] of this.#byReason) {
      count += refused;
      reasons.push(`${refused} ${reason} (first: ${example})`);
    }
    return { count, message: reasons.join('; ') };
  }
}

import {
  type BilledUnits,
  completionTokens,
  promptTokens,
  type TokenUsage,
} from '../../../core/llm/usage.ts';
import type { Usd } from '../../../core/units.ts';
import { type Dialect, type Facts, NO_FACTS } from '../dialects/dialect.ts';
import { type RawUsage, reportedCost } from '../tokens/raw-usage.ts';

/** An id as it may stand in a path. */
const PENDING_ID = /^[\w.-]{1,200}$/;

/** What an answer has said of its call so far, put together from its headers and whatever came of its body. */
export class Answer {
  protected readonly dialect: Dialect;
  #facts: Facts = NO_FACTS;
  /** Asked for several times at the end, and counted once. */
  #counted: { readonly of: RawUsage; readonly tokens: TokenUsage | null } | null = null;

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  get model(): unknown {
    return this.#facts.model;
  }

  /** Tokens by the provider's own count, `null` when it gave none that can be used. */
  get usage(): TokenUsage | null {
    const { usage } = this.#facts;
    if (usage === null) return null;
    if (this.#counted?.of !== usage) this.#counted = { of: usage, tokens: this.dialect.countTokens(usage) };
    return this.#counted.tokens;
  }

  /** The count is only of the answer's beginning. */
  get usageIsProvisional(): boolean {
    return this.#facts.provisional;
  }

  get reportedCostUsd(): Usd | null {
    return this.#facts.usage === null ? null : reportedCost(this.#facts.usage);
  }

  /** The provider reported an error, in the body or inside the stream. */
  get failed(): boolean {
    return this.#facts.failed;
  }

  /** Codes, types and status words of that error, the most telling first. */
  get errors(): readonly unknown[] {
    return this.#facts.errors;
  }

  /** The provider's own words for the error: to be recorded only when the user asks for it, since they may quote anything. */
  get errorMessage(): unknown {
    return this.#facts.errorMessage;
  }

  /** Why the model stopped, in the provider's word. */
  get finishReason(): unknown {
    return this.#facts.finishReason;
  }

  /** The tier the provider says it served. */
  get serviceTier(): unknown {
    return this.#facts.serviceTier;
  }

  /** Under which the outcome is to be asked for, `null` when this is the outcome. */
  get pendingId(): string | null {
    const id = this.#facts.pendingId;
    return typeof id === 'string' && PENDING_ID.test(id) ? id : null;
  }

  /** The provider's total is not the sum of the buckets. */
  get usageMismatch(): boolean {
    const { usage } = this;
    if (this.#facts.usage === null || usage === null || this.usageIsProvisional) return false;
    const total = this.dialect.totalTokens(this.#facts.usage);
    return total !== null && total !== promptTokens(usage) + completionTokens(usage);
  }

  /** What is billed besides tokens, `null` when nothing is or nobody says. */
  get billedUnits(): BilledUnits | null {
    return this.#facts.usage === null ? null : this.dialect.billedUnits(this.#facts.usage);
  }

  /** The answer is one that only this dialect gives. */
  get isTelling(): boolean {
    return this.#facts.telling;
  }

  /** @param isWhole what is said is said of the whole answer, not of a part of a stream. */
  protected merge(facts: Facts, isWhole: boolean): void {
    const before = this.#facts;
    const { usage } = facts;
    // A body may fail to name what the headers have named.
    const namesError = facts.errors.some((error) => (error ?? null) !== null) || before.errors.length === 0;
    this.#facts = {
      model: before.model ?? (typeof facts.model === 'string' ? facts.model : undefined),
      usage:
        usage === null || before.usage === null
          ? (usage ?? before.usage)
          : this.dialect.mergeUsage(before.usage, usage),
      provisional: usage === null ? before.provisional : facts.provisional && !isWhole,
      failed: before.failed || facts.failed,
      errors: facts.failed && namesError ? facts.errors : before.errors,
      errorMessage: facts.failed ? facts.errorMessage : before.errorMessage,
      finishReason: facts.finishReason ?? before.finishReason,
      serviceTier: facts.serviceTier ?? before.serviceTier,
      pendingId: facts.pendingId,
      telling: before.telling || facts.telling,
    };
  }
}

import { BoundedNames } from '../names/bounded-names.ts';
import type { LlmCallEvent } from '../signals/llm-call.ts';
import { CALL_MODEL, CALL_PROVIDER, OTHER } from './labels.ts';

/** Different values that are labels at once; the rest is `other` in metrics, and keeps its name in the row and the price. */
const MODELS_MAX = 100;
const PROVIDERS_MAX = 50;
const ERROR_TYPES_MAX = 50;
/** Totals are stored by label: names made up by the thousand must not fill their table. */
const TURNOVER = 1000;

/** All have their own. */
const NONE: Pick<LlmCallEvent, 'labels'> = {};

/** The names of calls as metrics show them, bounded for the whole process. */
export class CallLabels {
  readonly #now: () => number;
  readonly #models: BoundedNames;
  readonly #providers: BoundedNames;
  readonly #errors: BoundedNames;

  /** @param now in milliseconds, of a clock that does not go back. @default it stands still */
  constructor(onFolded: (attribute: string) => void, now: () => number = () => 0) {
    this.#now = now;
    const bounded = (attribute: string, max: number) =>
      new BoundedNames({ max, other: OTHER, turnover: TURNOVER, onFolded: () => onFolded(attribute) });
    this.#models = bounded(CALL_MODEL, MODELS_MAX);
    this.#providers = bounded(CALL_PROVIDER, PROVIDERS_MAX);
    this.#errors = bounded('error.type', ERROR_TYPES_MAX);
  }

  /** What the event must say besides its names: the labels of those that have none of their own, nothing where all have. */
  of(call: Pick<LlmCallEvent, 'provider' | 'model' | 'errorType'>): Pick<LlmCallEvent, 'labels'> {
    const nowMs = this.#now();
    const provider = this.#providers.of(call.provider, nowMs);
    const model = this.#models.of(call.model, nowMs);
    const errorType = call.errorType === null ? null : this.#errors.of(call.errorType, nowMs);
    if (provider === call.provider && model === call.model && errorType === call.errorType) return NONE;
    const labels = {
      ...(provider !== call.provider && { provider }),
      ...(model !== call.model && { model }),
      ...(errorType !== null && errorType !== call.errorType && { errorType }),
    };
    return { labels };
  }
}

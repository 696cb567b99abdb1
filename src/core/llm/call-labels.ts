import type { LlmCallEvent } from '../signals/llm-call.ts';
import { BoundedLabels, CALL_MODEL, CALL_PROVIDER } from './labels.ts';

/** Different values that may become labels; the rest is `other` in metrics, and keeps its name in the row and the price. */
const MODELS_MAX = 100;
const PROVIDERS_MAX = 50;
const ERROR_TYPES_MAX = 50;

/** The names of calls as metrics show them, bounded for the whole process. */
export class CallLabels {
  readonly #models: BoundedLabels;
  readonly #providers: BoundedLabels;
  readonly #errors: BoundedLabels;

  constructor(onFolded: (attribute: string) => void) {
    this.#models = new BoundedLabels(MODELS_MAX, () => onFolded(CALL_MODEL));
    this.#providers = new BoundedLabels(PROVIDERS_MAX, () => onFolded(CALL_PROVIDER));
    this.#errors = new BoundedLabels(ERROR_TYPES_MAX, () => onFolded('error.type'));
  }

  /** What the event must say besides its names: the labels of those that are past a bound, nothing where all are known. */
  of(call: Pick<LlmCallEvent, 'provider' | 'model' | 'errorType'>): Pick<LlmCallEvent, 'labels'> {
    const provider = this.#providers.of(call.provider);
    const model = this.#models.of(call.model);
    const errorType = call.errorType === null ? null : this.#errors.of(call.errorType);
    const labels = {
      ...(provider !== call.provider && { provider }),
      ...(model !== call.model && { model }),
      ...(errorType !== null && errorType !== call.errorType && { errorType }),
    };
    return Object.keys(labels).length === 0 ? {} : { labels };
  }
}

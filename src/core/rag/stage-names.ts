/** Distinct stage names of one process; they are a metric's attribute, so they must be few. */
const STAGE_NAMES_MAX = 30;
const STAGE_NAME_LENGTH_MAX = 50;
const OTHER = 'other';

/** Admits the first names it sees; the rest is `other`. */
export class StageNames {
  readonly #known = new Set<string>();
  readonly #onFolded: () => void;

  /** @param onFolded called for every name that was not admitted. */
  constructor(onFolded: () => void = () => {}) {
    this.#onFolded = onFolded;
  }

  admit(name: unknown): string {
    const stage = typeof name === 'string' && name !== '' ? name.slice(0, STAGE_NAME_LENGTH_MAX) : OTHER;
    if (this.#known.has(stage)) return stage;
    if (this.#known.size >= STAGE_NAMES_MAX) {
      this.#onFolded();
      return OTHER;
    }
    this.#known.add(stage);
    return stage;
  }
}

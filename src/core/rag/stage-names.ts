import { BoundedNames } from '../names/bounded-names.ts';
import { RESERVED_STAGES } from '../signals/rag-query.ts';

/** Stage names of one process at once; they are a metric's attribute, so they must be few. */
const STAGE_NAMES_MAX = 30;
const STAGE_NAME_LENGTH_MAX = 50;
const OTHER = 'other';

export interface StageNamesOptions {
  /** In milliseconds, of a clock that does not go back. @default it stands still */
  readonly now?: () => number;
  /** Called for every name that gives up its place, and every use of one that finds none. */
  readonly onFolded?: () => void;
}

/** Keeps the number of stage names bounded, by use; what finds no place is `other`. Rows are stored by them as well. */
export class StageNames {
  readonly #names: BoundedNames;
  readonly #now: () => number;

  constructor({ now = () => 0, onFolded = () => {} }: StageNamesOptions = {}) {
    this.#now = now;
    const reserved = RESERVED_STAGES;
    const turnover = STAGE_NAMES_MAX;
    this.#names = new BoundedNames({ max: STAGE_NAMES_MAX, other: OTHER, reserved, turnover, onFolded });
  }

  admit(name: unknown): string {
    const stage = typeof name === 'string' && name !== '' ? name.slice(0, STAGE_NAME_LENGTH_MAX) : OTHER;
    return this.#names.of(stage, this.#now());
  }
}

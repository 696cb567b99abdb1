import { DAY_MS } from '../../core/units.ts';

/** Longer than anything worth recording as one piece of work; a larger number is a unit mixed up. */
export const DURATION_MS_MAX = 30 * DAY_MS;
export const TOKENS_MAX = 1_000_000_000;
export const COUNT_MAX = 2_147_483_647;
/** The widest `cost_usd DECIMAL(10,6)` holds. */
export const COST_USD_MAX = 9999;
export const SCORE_MAX = 1e12;
export const TEXT_LENGTH_MAX = 255;

/** Told of every value that cannot be used: where it came from, which field, what was wrong. */
export type OnInvalid = (recorder: string, field: string, problem: string) => void;

/** The fields a caller gave to one recorder. Whatever cannot be used is reported and left out; nothing throws. */
export class Input {
  readonly #recorder: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #onInvalid: OnInvalid;

  constructor(recorder: string, fields: unknown, onInvalid: OnInvalid) {
    this.#recorder = recorder;
    this.#onInvalid = onInvalid;
    const usable = typeof fields === 'object' && fields !== null;
    if (!usable) onInvalid(recorder, 'argument', `expected an object, got ${describe(fields)}`);
    this.#fields = usable ? (fields as Record<string, unknown>) : {};
  }

  /** A finite number from 0 to `max`, or `null` when there is none or it cannot be used. */
  number(field: string, max: number): number | null {
    return this.#read(field, `a number from 0 to ${max}`, (value) =>
      typeof value === 'number' && value >= 0 && value <= max ? value : null,
    );
  }

  /** A finite number of either sign. */
  score(field: string): number | null {
    return this.#read(field, 'a finite number', (value) =>
      typeof value === 'number' && Math.abs(value) <= SCORE_MAX ? value : null,
    );
  }

  /** A whole number from 0 to `max`. */
  count(field: string, max: number = COUNT_MAX): number | null {
    return this.#read(field, `a whole number from 0 to ${max}`, (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max ? value : null,
    );
  }

  boolean(field: string): boolean | null {
    return this.#read(field, 'true or false', (value) => (typeof value === 'boolean' ? value : null));
  }

  /** Text, cut to `TEXT_LENGTH_MAX` characters; empty counts as none. */
  text(field: string): string | null {
    const text = this.wholeText(field);
    return text === null || text === '' ? null : text.slice(0, TEXT_LENGTH_MAX);
  }

  /** Text of any length, for what is not kept as it is. */
  wholeText(field: string): string | null {
    return this.#read(field, 'a text', (value) => (typeof value === 'string' ? value : null));
  }

  /** What a required field holds, or `undefined` when it is missing or cannot be used: the event is then refused. */
  required<T>(field: string, read: (field: string) => T | null): T | undefined {
    const value = this.#valueOf(field);
    if (value === undefined || value === null)
      this.#onInvalid(this.#recorder, field, 'is required; the event was refused');
    return read.call(this, field) ?? undefined;
  }

  /** A getter or a proxy of the app may throw; that must not come out of a recorder. */
  #valueOf(field: string): unknown {
    try {
      return this.#fields[field];
    } catch {
      this.#onInvalid(this.#recorder, field, 'could not be read');
      return undefined;
    }
  }

  #read<T>(field: string, expected: string, convert: (value: unknown) => T | null): T | null {
    const value = this.#valueOf(field);
    if (value === undefined || value === null) return null;
    const converted = convert(value);
    if (converted === null)
      this.#onInvalid(this.#recorder, field, `expected ${expected}, got ${describe(value)}`);
    return converted;
  }
}

/** What a value is, without telling what it says: it may be a secret. */
function describe(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

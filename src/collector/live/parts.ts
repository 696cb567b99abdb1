import type { Point } from '../../core/frame.ts';
import type { Milliseconds } from '../../core/units.ts';
import { Earlier, type EarlierFigures, type SeriesSource } from './earlier.ts';
import type { SeriesBudget } from './metric.ts';
import { LiveStore } from './store.ts';

export interface PartsOptions {
  readonly windowMs: Milliseconds;
  /** Parts there are at once, those of whom nobody is left included. */
  readonly max: number;
  /** Series of all of them together; half a kilobyte each at rest, some 15 KB where every moment of the window has values. */
  readonly seriesMax: number;
  /** Whether somebody by that name sends at present. */
  readonly isPresent: (name: string) => boolean;
}

interface Part {
  readonly store: LiveStore;
  earlier: Earlier | null;
  fedMs: number;
}

/** Counters and histograms are nobody's within a part. */
const NOBODY = '';

/**
 * What the whole is made of, by name of its senders: each part has the figures of its own, `other` has those past the bounds.
 * Past the bound of parts the one goes into `other` that was silent for longest and of whom nobody is left; where there is
 * none, the newcomer does.
 */
export class Parts {
  readonly #options: PartsOptions;
  readonly #budget: SeriesBudget;
  readonly #parts = new Map<string, Part>();
  readonly #other: Part;
  #folded = 0;
  /** Who sends and found no room: no more than there are senders. */
  readonly #late = new Set<string>();

  constructor(options: PartsOptions) {
    this.#options = options;
    this.#budget = { left: options.seriesMax };
    this.#other = { store: new LiveStore(options.windowMs), earlier: null, fedMs: 0 };
  }

  /** How many parts went into `other`, one that came back and went again twice, and for how many there is no room now. */
  get folded(): number {
    return this.#folded + this.#late.size;
  }

  get other(): SeriesSource {
    return sourceOf(this.#other);
  }

  has(name: string): boolean {
    return this.#parts.has(name);
  }

  /** `null`: there is none of its own. */
  of(name: string): SeriesSource | null {
    const part = this.#parts.get(name);
    return part === undefined ? null : sourceOf(part);
  }

  /** Somebody by that name sends: there is to be a part of it, if there can be. Idempotent. */
  admit(name: string, nowMs: number): void {
    if (!this.#parts.has(name) && this.#parts.size >= this.#options.max) this.#makeRoom(nowMs);
    const part = this.#partOf(name);
    if (part === null) this.#late.add(name);
    else {
      this.#late.delete(name);
      part.fedMs = nowMs;
    }
  }

  /** @param name `null`: nobody knows whose they are. */
  add(name: string | null, points: readonly Point[], nowMs: number): void {
    const part = (name === null ? null : this.#partOf(name)) ?? this.#other;
    part.fedMs = nowMs;
    const refused = part.store.merge(NOBODY, { points }, nowMs);
    if (refused.length > 0 && part !== this.#other)
      this.#other.store.merge(NOBODY, { points: refused }, nowMs);
  }

  /** What was counted before; nobody has to make room for that. */
  addEarlier(name: string | null, figures: EarlierFigures, nowMs: number): void {
    const part = (name === null ? null : this.#partOf(name)) ?? this.#other;
    part.earlier ??= new Earlier(this.#options.windowMs, part.store.names);
    part.earlier.add(figures, nowMs);
  }

  /** Gives back memory of windows that have passed. */
  forgetPast(nowMs: number): void {
    for (const { store } of [...this.#parts.values(), this.#other]) store.forgetPast(nowMs);
  }

  /** The parts go into `other` of which nobody is left and that were not fed since then. */
  foldSilent(sinceMs: number, nowMs: number): void {
    for (const [name, { fedMs }] of this.#parts)
      if (fedMs < sinceMs && !this.#options.isPresent(name)) this.#fold(name, nowMs);
  }

  /** Nobody may be left of those who found no room. */
  forgetLate(): void {
    for (const name of this.#late) if (!this.#options.isPresent(name)) this.#late.delete(name);
  }

  /** The one by that name, a new one where there is room; `null`: there is none. */
  #partOf(name: string): Part | null {
    const known = this.#parts.get(name);
    if (known !== undefined || this.#parts.size >= this.#options.max) return known ?? null;
    const part = { store: new LiveStore(this.#options.windowMs, this.#budget), earlier: null, fedMs: 0 };
    this.#parts.set(name, part);
    return part;
  }

  #makeRoom(nowMs: number): void {
    const departed = [...this.#parts].filter(([name]) => !this.#options.isPresent(name));
    const [oldest] = departed.sort(([, a], [, b]) => a.fedMs - b.fedMs);
    if (oldest !== undefined) this.#fold(oldest[0], nowMs);
  }

  #fold(name: string, nowMs: number): void {
    const part = this.#parts.get(name);
    if (part === undefined) return;
    this.#parts.delete(name);
    this.#folded++;
    this.#other.store.absorb(part.store, nowMs);
    if (part.earlier === null) return;
    this.#other.earlier ??= new Earlier(this.#options.windowMs, this.#other.store.names);
    this.#other.earlier.absorb(part.earlier, nowMs);
  }
}

function sourceOf({ store, earlier }: Part): SeriesSource {
  return earlier?.before(store) ?? store;
}

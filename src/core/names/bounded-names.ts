import { MINUTE_MS } from '../units.ts';

export interface BoundedNamesOptions {
  /** Names that have a place at once, reserved ones included. */
  readonly max: number;
  /** What stands for every name that has none. */
  readonly other: string;
  /** Names that get a place whenever they come, and keep it. @default none */
  readonly reserved?: readonly string[];
  /**
   * How many places that are in use may change hands at once; `max` a minute come back. A bound for names that are stored as
   * well, so that whoever makes them up cannot fill a table. @default as many as come
   */
  readonly turnover?: number;
  /** Called for every name that loses its place. */
  readonly onDisplaced?: (name: string) => void;
  /** Called for every name that loses its place, and for every use of one that finds none. */
  readonly onFolded?: () => void;
}

/** Not used for so long a name is idle, and gives its place to whoever comes. */
export const IDLE_MS = 5 * MINUTE_MS;

interface Place {
  readonly reserved: boolean;
  usedMs: number;
  /** Its last use in the order of all uses. */
  order: number;
  /** Since it was idle. */
  uses: number;
}

type Named = [name: string, place: Place];

/**
 * A bounded number of names, told apart by use: names come from requests, that is from anybody, and each is a series and a
 * key of its own wherever it is shown. Past the bound what is busy displaces what is idle: the name goes that was not used
 * for longest, before others those that were used only once, so that names made up by the thousand displace each other.
 */
export class BoundedNames {
  readonly #options: BoundedNamesOptions;
  readonly #reserved: ReadonlySet<string>;
  readonly #places = new Map<string, Place>();
  /** What found no place of late: whoever is in it comes again, and is preferred. */
  readonly #refused = new Set<string>();
  #order = 0;
  /** Nothing that has a place can be idle before. */
  #noneIdleUntilMs = 0;
  #turnoverLeft: number;
  #turnoverMs = 0;

  constructor(options: BoundedNamesOptions) {
    this.#options = options;
    this.#reserved = new Set(options.reserved);
    this.#turnoverLeft = options.turnover ?? 0;
  }

  get size(): number {
    return this.#places.size;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Uses of a name: itself, or `other`. @param nowMs of any clock that does not go back. @default one use */
  of(name: string, nowMs: number, uses = 1): string {
    const place = this.#places.get(name);
    if (place !== undefined) {
      this.#use(place, nowMs, uses);
      return name;
    }
    if (name === this.#options.other) return name;
    if (this.#hasRoom(name, nowMs)) {
      this.#add(name, nowMs, uses);
      return name;
    }
    this.#options.onFolded?.();
    return this.#options.other;
  }

  /**
   * Names that were used together, each so many times. Of more than there are places for those used most have one, and once
   * all of them were met none of them takes another's.
   */
  meet(together: ReadonlyMap<string, number>, nowMs: number): void {
    const { max, other, onFolded } = this.#options;
    const reserved: [string, number][] = [];
    const others: [string, number][] = [];
    for (const [name, uses] of together) {
      const place = this.#places.get(name);
      if (place !== undefined) this.#use(place, nowMs, uses);
      else if (name !== other) (this.#reserved.has(name) ? reserved : others).push([name, uses]);
    }
    if (reserved.length + others.length === 0) return;
    others.sort(([, a], [, b]) => a - b);
    for (const _ of others.splice(0, Math.max(0, others.length - max))) onFolded?.();
    for (const [name, uses] of [...others, ...reserved]) this.of(name, nowMs, uses);
  }

  /** The name where it has a place, else `other`. No use. */
  known(name: string): string {
    return this.#places.has(name) ? name : this.#options.other;
  }

  /** A name that was used before everything else: it has a place if there is one left, and nobody makes room for it. */
  recall(name: string): string {
    if (this.#places.has(name) || name === this.#options.other) return name;
    if (this.#places.size >= this.#options.max) return this.#options.other;
    this.#places.set(name, { reserved: this.#reserved.has(name), usedMs: 0, order: 0, uses: 0 });
    this.#noneIdleUntilMs = 0;
    return name;
  }

  /** Takes its place from the name that was not used for longest. False where all are reserved. */
  displace(nowMs: number): boolean {
    const { oldest } = this.#idlest(nowMs);
    if (oldest === null) return false;
    this.#remove(oldest[0]);
    return true;
  }

  #add(name: string, nowMs: number, uses: number): void {
    const place = { reserved: this.#reserved.has(name), usedMs: nowMs, order: 0, uses: 0 };
    this.#use(place, nowMs, uses);
    this.#places.set(name, place);
  }

  #use(place: Place, nowMs: number, uses: number): void {
    if (nowMs - place.usedMs >= IDLE_MS) place.uses = 0;
    place.uses += uses;
    place.usedMs = Math.max(place.usedMs, nowMs);
    place.order = ++this.#order;
  }

  #hasRoom(name: string, nowMs: number): boolean {
    if (this.#places.size < this.#options.max) return true;
    // Most names of a flood find no place, and need not look for one.
    const isPaid = nowMs < this.#noneIdleUntilMs && !this.#reserved.has(name);
    if (isPaid && !this.#mayTurnOver(name, nowMs)) return false;
    const victim = this.#victim(nowMs);
    if (victim === null) return false;
    const [leaving, place] = victim;
    const isFree = nowMs - place.usedMs >= IDLE_MS || this.#reserved.has(name);
    if (!isPaid && !isFree && !this.#mayTurnOver(name, nowMs)) return false;
    this.#remove(leaving);
    return true;
  }

  /** `null`: all are reserved, or were used after that moment. */
  #victim(nowMs: number): Named | null {
    const { oldest, oldestOnce } = this.#idlest(nowMs);
    if (oldest !== null) this.#noneIdleUntilMs = oldest[1].usedMs + IDLE_MS;
    if (oldest !== null && nowMs - oldest[1].usedMs >= IDLE_MS) return oldest;
    return oldestOnce ?? oldest;
  }

  /** The name that was not used for longest, and the one of those that were used only once. */
  #idlest(nowMs: number): { readonly oldest: Named | null; readonly oldestOnce: Named | null } {
    let oldest: Named | null = null;
    let oldestOnce: Named | null = null;
    for (const entry of this.#places) {
      const place = entry[1];
      if (place.reserved || place.usedMs > nowMs) continue;
      if (oldest === null || place.order < oldest[1].order) oldest = entry;
      if (place.uses <= 1 && (oldestOnce === null || place.order < oldestOnce[1].order)) oldestOnce = entry;
    }
    return { oldest, oldestOnce };
  }

  #remove(name: string): void {
    this.#places.delete(name);
    this.#options.onDisplaced?.(name);
    this.#options.onFolded?.();
  }

  /** Half of what may change hands is kept for names that come again. */
  #mayTurnOver(name: string, nowMs: number): boolean {
    const { turnover, max } = this.#options;
    if (turnover === undefined) return true;
    const cameBack = (Math.max(0, nowMs - this.#turnoverMs) / MINUTE_MS) * max;
    this.#turnoverLeft = Math.min(turnover, this.#turnoverLeft + cameBack);
    this.#turnoverMs = nowMs;
    const needed = this.#refused.has(name) ? 1 : 1 + turnover / 2;
    if (this.#turnoverLeft >= needed) {
      this.#turnoverLeft--;
      this.#refused.delete(name);
      return true;
    }
    if (this.#refused.size >= max) this.#refused.clear();
    this.#refused.add(name);
    return false;
  }
}

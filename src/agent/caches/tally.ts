import { BoundedNames } from '../../core/names/bounded-names.ts';
import { OTHER_CACHES, RESERVED_CACHES } from '../../core/signals/cache.ts';
import { currentContext, type WorkContext } from '../context/context.ts';

/** Names that are counted by themselves at once; a name made per user cannot grow the maps. */
export const CACHE_NAMES_MAX = 50;
/** The width of the column the name is stored in. */
const NAME_LENGTH_MAX = 50;

/** Look-ups of one cache since the previous call. */
export interface CacheDelta {
  readonly name: string;
  readonly hits: number;
  readonly misses: number;
}

/** What a cache last told of its size; `null` where it does not tell. */
export interface CacheSize {
  readonly name: string;
  readonly keys: number | null;
  readonly bytes: number | null;
}

/** The fields of a `CacheEvent` that are this tally's to know. */
export interface CacheMinute {
  readonly cacheName: string;
  readonly hits: number;
  readonly misses: number;
  readonly keysCount: number | null;
  readonly memoryUsedBytes: number | null;
}

/** Running totals, and what they were when frame and minute were last taken. */
interface Counts {
  readonly name: string;
  hits: number;
  misses: number;
  frameHits: number;
  frameMisses: number;
  minuteHits: number;
  minuteMisses: number;
  keys: number | null;
  bytes: number | null;
  /** Look-ups when its name was last told to be in use. */
  used: number;
}

export interface CacheTallyOptions {
  /** In milliseconds, of a clock that does not go back. @default it stands still */
  readonly now?: () => number;
  /** Called for every name that gives up its place, and every time one finds none. */
  readonly onFolded?: () => void;
}

/**
 * Counts look-ups per cache name. Two integers per look-up, because caches answer millions of times a second: the counts
 * become measurements once per frame and events once per minute. Past `CACHE_NAMES_MAX` names those in use have their places,
 * which is found out when a name comes that has none; the rest is `other`.
 */
export class CacheTally {
  readonly #counts = new Map<string, Counts>();
  /** Of names that gave up their place: what is still to be told by them. */
  #leaving: Counts[] = [];
  readonly #names: BoundedNames;
  readonly #now: () => number;

  constructor({ now = () => 0, onFolded = () => {} }: CacheTallyOptions = {}) {
    this.#now = now;
    this.#names = new BoundedNames({
      max: CACHE_NAMES_MAX,
      other: OTHER_CACHES,
      reserved: RESERVED_CACHES,
      turnover: CACHE_NAMES_MAX,
      onDisplaced: (name) => this.#leave(name),
      onFolded,
    });
  }

  /** Counts a look-up, and tells the RAG query it happened in, if any. */
  lookup(cacheName: string, hit: boolean, work: WorkContext | null | undefined = currentContext()): void {
    const counts = this.#counts.get(cacheName) ?? this.#admit(cacheName);
    if (hit) counts.hits++;
    else counts.misses++;
    work?.ragScope?.sawCacheLookup(cacheName, hit);
  }

  /** Remembers the latest size; the size of caches counted under `other` is not kept, it would be one of many. */
  size(cacheName: string, keys: number | null, bytes: number | null): void {
    const counts = this.#counts.get(cacheName) ?? this.#admit(cacheName);
    if (counts.name === OTHER_CACHES) return;
    counts.keys = sizeOrNull(keys);
    counts.bytes = sizeOrNull(bytes);
  }

  /** There never was a look-up, nor a cache that told its size. */
  get isEmpty(): boolean {
    return this.#counts.size === 0 && this.#leaving.length === 0;
  }

  /** Look-ups since the previous call, for the counters of a frame; caches without any are left out. */
  takeDeltas(): CacheDelta[] {
    const deltas: CacheDelta[] = [];
    for (const counts of this.#all()) {
      const hits = counts.hits - counts.frameHits;
      const misses = counts.misses - counts.frameMisses;
      if (hits === 0 && misses === 0) continue;
      counts.frameHits = counts.hits;
      counts.frameMisses = counts.misses;
      deltas.push({ name: counts.name, hits, misses });
    }
    this.#forgetTold();
    return deltas;
  }

  /** Sizes of the caches that told one, for the gauges. */
  sizes(): CacheSize[] {
    return [...this.#counts.values()]
      .filter(({ keys, bytes }) => keys !== null || bytes !== null)
      .map(({ name, keys, bytes }) => ({ name, keys, bytes }));
  }

  /** Look-ups since the previous call, for the rows of a minute; caches without any are left out. */
  takeMinute(): CacheMinute[] {
    const minutes: CacheMinute[] = [];
    for (const counts of this.#all()) {
      const hits = counts.hits - counts.minuteHits;
      const misses = counts.misses - counts.minuteMisses;
      if (hits === 0 && misses === 0) continue;
      counts.minuteHits = counts.hits;
      counts.minuteMisses = counts.misses;
      const { name, keys, bytes } = counts;
      minutes.push({ cacheName: name, hits, misses, keysCount: keys, memoryUsedBytes: bytes });
    }
    this.#forgetTold();
    return minutes;
  }

  #all(): Iterable<Counts> {
    return this.#leaving.length === 0 ? this.#counts.values() : [...this.#leaving, ...this.#counts.values()];
  }

  #admit(cacheName: string): Counts {
    const short = cacheName.slice(0, NAME_LENGTH_MAX);
    if (!this.#names.has(short)) this.#tellUses();
    const name = this.#names.of(short, this.#now());
    const counts = this.#counts.get(name) ?? this.#comeBack(name) ?? newCounts(name);
    this.#counts.set(name, counts);
    return counts;
  }

  /** A minute has one row by a name, however often that leaves and comes back. */
  #comeBack(name: string): Counts | undefined {
    const counts = this.#leaving.find((one) => one.name === name);
    if (counts !== undefined) this.#leaving = this.#leaving.filter((one) => one !== counts);
    return counts;
  }

  /** Which names were used since the last call; look-ups themselves tell nobody. */
  #tellUses(): void {
    const nowMs = this.#now();
    for (const counts of this.#counts.values()) {
      const lookups = counts.hits + counts.misses;
      if (counts.name === OTHER_CACHES || lookups === counts.used) continue;
      // The first look-up was told when the name came.
      for (let told = 0; told < Math.min(2, lookups - counts.used); told++)
        this.#names.of(counts.name, nowMs);
      counts.used = lookups;
    }
  }

  #leave(name: string): void {
    const counts = this.#counts.get(name);
    if (counts === undefined) return;
    this.#counts.delete(name);
    this.#leaving.push(counts);
  }

  #forgetTold(): void {
    if (this.#leaving.length === 0) return;
    this.#leaving = this.#leaving.filter(
      ({ hits, misses, frameHits, frameMisses, minuteHits, minuteMisses }) =>
        hits + misses > frameHits + frameMisses || hits + misses > minuteHits + minuteMisses,
    );
  }
}

function newCounts(name: string): Counts {
  return {
    name,
    hits: 0,
    misses: 0,
    frameHits: 0,
    frameMisses: 0,
    minuteHits: 0,
    minuteMisses: 0,
    keys: null,
    bytes: null,
    used: 1,
  };
}

function sizeOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) && value >= 0 ? Math.round(value) : null;
}

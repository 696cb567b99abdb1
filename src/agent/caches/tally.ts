import { currentContext, type WorkContext } from '../context/context.ts';

/** Names beyond this many are counted together under `other`, so that a name made per user cannot grow the maps. */
export const CACHE_NAMES_MAX = 50;
export const OTHER_CACHES = 'other';
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
}

/**
 * Counts look-ups per cache name. Two integers per look-up, because caches answer millions of times a second: the counts
 * become measurements once per frame and events once per minute. Holds at most `CACHE_NAMES_MAX` names and `other`.
 */
export class CacheTally {
  readonly #counts = new Map<string, Counts>();

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

  /** Look-ups since the previous call, for the counters of a frame; caches without any are left out. */
  takeDeltas(): CacheDelta[] {
    const deltas: CacheDelta[] = [];
    for (const counts of this.#counts.values()) {
      const hits = counts.hits - counts.frameHits;
      const misses = counts.misses - counts.frameMisses;
      if (hits === 0 && misses === 0) continue;
      counts.frameHits = counts.hits;
      counts.frameMisses = counts.misses;
      deltas.push({ name: counts.name, hits, misses });
    }
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
    for (const counts of this.#counts.values()) {
      const hits = counts.hits - counts.minuteHits;
      const misses = counts.misses - counts.minuteMisses;
      if (hits === 0 && misses === 0) continue;
      counts.minuteHits = counts.hits;
      counts.minuteMisses = counts.misses;
      const { name, keys, bytes } = counts;
      minutes.push({ cacheName: name, hits, misses, keysCount: keys, memoryUsedBytes: bytes });
    }
    return minutes;
  }

  #admit(cacheName: string): Counts {
    const short = cacheName.slice(0, NAME_LENGTH_MAX);
    const name = this.#counts.size < CACHE_NAMES_MAX || this.#counts.has(short) ? short : OTHER_CACHES;
    const counts = this.#counts.get(name) ?? newCounts(name);
    this.#counts.set(name, counts);
    return counts;
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
  };
}

function sizeOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) && value >= 0 ? Math.round(value) : null;
}

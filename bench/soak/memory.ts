// What a process holds, told whenever it is asked.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';

export interface MemoryNow {
  /** In use once all garbage is collected. */
  readonly heapBytes: number;
  /** Of those, what V8 has compiled, for as long as functions are found to be worth it. */
  readonly codeBytes: number;
  /** Beside the heap: what is on its way, and what is kept for that. */
  readonly bufferBytes: number;
  readonly residentBytes: number;
  /** Collections since the process began, not those that asking takes. */
  readonly collections: number;
  readonly collectingMs: number;
  readonly longestMs: number;
}

/** What Node adds to an entry of a collection. */
interface Collection {
  readonly detail?: { readonly flags?: number };
}

/** @returns what tells; `--expose-gc` has it tell what is held rather than what is in the way. */
export function watchMemory(): () => MemoryNow {
  const gc = { collections: 0, collectingMs: 0, longestMs: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration } = entry;
      const { flags = 0 } = (entry as Collection).detail ?? {};
      if ((flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) continue;
      gc.collections++;
      gc.collectingMs += duration;
      gc.longestMs = Math.max(gc.longestMs, duration);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => {
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heapBytes: heapUsed, codeBytes: codeBytes(), bufferBytes: external, residentBytes: rss, ...gc };
  };
}

/** Machine code, bytecode and what belongs to them have spaces of their own. */
function codeBytes(): number {
  const ofCode = getHeapSpaceStatistics().filter(({ space_name: name }) => /^(code|trusted)_/.test(name));
  return ofCode.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
}

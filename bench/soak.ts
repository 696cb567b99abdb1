// An app and its collector for long, at a steady pace: whether memory grows, and where every event went.
import { setTimeout as wait } from 'node:timers/promises';
import { MIB, MINUTE_MS, SECOND_MS } from '../src/core/units.ts';
import type { Figure } from './figure.ts';
import { median, round } from './measure.ts';
import type { MemoryNow } from './soak/memory.ts';
import { type Accounts, type Held, startSoak } from './soak/setup.ts';

const MINUTES = 10;
const EVENTS_PER_SECOND = 1000;
/** Until then windows fill and pools grow (the live view looks back over 5 minutes), and most code is compiled. */
const WARM_UP_SHARE = 1 / 4;
const UNOBSERVED_MS = MINUTE_MS;
const SAMPLES = 120;
/** Asking collects all garbage, which would otherwise be collected later: asked more often, that would be most of it. */
const SAMPLE_MIN_MS = 5 * SECOND_MS;
const SLOPE_MAX = 1;
const HOURS = 60 * MINUTE_MS;

interface Sample extends Held {
  readonly atMs: number;
}

export async function run({ minutes = MINUTES, rate = EVENTS_PER_SECOND } = {}): Promise<Figure[]> {
  const soak = await startSoak();
  try {
    const milliseconds = minutes * MINUTE_MS;
    const making = soak.make((milliseconds / SECOND_MS) * rate, rate);
    const beganMs = performance.now();
    const samples: Sample[] = [];
    while (performance.now() - beganMs < milliseconds) {
      await wait(Math.max(milliseconds / SAMPLES, SAMPLE_MIN_MS));
      samples.push({ atMs: performance.now() - beganMs, ...(await soak.held()) });
    }
    await making;
    const tookMs = performance.now() - beganMs;
    const accounts = await soak.settled();
    const last = samples.at(-1);
    const unobserved = await soak.unobserved((UNOBSERVED_MS / SECOND_MS) * rate, rate);
    const warm = samples.filter(({ atMs }) => atMs >= milliseconds * WARM_UP_SHARE);
    const over = `${rate.toLocaleString('en')} events/s for ${minutes} minutes`;
    return [
      ofGrowth(
        `heap in use, garbage collected: growth over ${over}`,
        warm,
        ({ heapBytes }) => heapBytes,
        SLOPE_MAX,
      ),
      ofGrowth('of that what V8 has compiled, in the same time', warm, ({ codeBytes }) => codeBytes, null),
      ofGrowth('resident memory in the same time', warm, ({ residentBytes }) => residentBytes, null),
      ofCollections({ last, tookMs, unobserved }),
      ofAccounts(accounts, tookMs),
    ];
  } finally {
    await soak.stop();
  }
}

type Bytes = (memory: MemoryNow) => number;

function ofGrowth(what: string, samples: readonly Sample[], bytes: Bytes, max: number | null): Figure {
  const slopes = {
    app: slope(samples, ({ app }) => bytes(app)),
    collector: slope(samples, (one) => bytes(one.collector)),
  };
  const ends = (of: 'app' | 'collector') => {
    const [first, last] = [samples[0], samples.at(-1)].map((one) =>
      one === undefined ? 0 : bytes(one[of]) / MIB,
    );
    return `${of} ${round(first ?? 0)} MiB at first, ${round(last ?? 0)} at last`;
  };
  return {
    what,
    ...(max !== null && {
      budget: `<= ${max} MiB an hour each`,
      within: Math.max(slopes.app, slopes.collector) <= max,
    }),
    ours: `app ${round(slopes.app)}, collector ${round(slopes.collector)} MiB/h`,
    raw: `${ends('app')}; ${ends('collector')}; ${samples.length} samples after the warm-up of a quarter`,
  };
}

/** Theil and Sen: the median of the slopes between any two samples, in MiB per hour, which single peaks do not move. */
function slope(samples: readonly Sample[], bytes: (sample: Sample) => number): number {
  const slopes = samples.flatMap((one, index) =>
    samples
      .slice(index + 1)
      .map((other) => ((bytes(other) - bytes(one)) / MIB / (other.atMs - one.atMs)) * HOURS),
  );
  return slopes.length === 0 ? Number.NaN : median(slopes);
}

interface Collections {
  readonly last: Held | undefined;
  readonly tookMs: number;
  /** Of the same app without us, at the same pace for `UNOBSERVED_MS`. */
  readonly unobserved: MemoryNow;
}

function ofCollections({ last, tookMs, unobserved }: Collections): Figure {
  const share = (memory: MemoryNow | undefined, ms: number) =>
    `${round(((memory?.collectingMs ?? 0) / ms) * 100)} %`;
  const raw = (memory: MemoryNow | undefined) =>
    `${memory?.collections.toLocaleString('en')} collections, the longest ${round(memory?.longestMs ?? 0)} ms`;
  return {
    what: 'time that collecting garbage took',
    ours: `app ${share(last?.app, tookMs)}, collector ${share(last?.collector, tookMs)}`,
    peers: `the app unobserved ${share(unobserved, UNOBSERVED_MS)}`,
    raw: `app ${raw(last?.app)}; collector ${raw(last?.collector)}; unobserved in ${UNOBSERVED_MS / SECOND_MS} s ${raw(unobserved)}`,
  };
}

function ofAccounts({ made, rows, dropped, differing }: Accounts, tookMs: number): Figure {
  return {
    what: 'events made by the app, as rows',
    budget: 'all of them, or counted by reason',
    within: rows + dropped === made && (dropped > 0 || differing.length === 0),
    ours: `${rows.toLocaleString('en')} rows of ${made.toLocaleString('en')}, ${dropped.toLocaleString('en')} counted as dropped`,
    raw: `${round(made / (tookMs / SECOND_MS))} a second${differing.length > 0 ? `; differing: ${differing.join(', ')}` : ''}`,
  };
}

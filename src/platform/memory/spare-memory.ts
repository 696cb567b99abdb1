import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_MS = 30_000;
/** What has to come together: giving it back takes some tenths of a second, in which nothing else is done. */
const SPARE_BYTES_MIN = 2 ** 27;
/** Of the time since the last look that the thread was busy: while there is much to do, what is spare is soon used. */
const BUSY_MAX = 0.1;

export interface SpareMemoryOptions {
  /** @default 30 s */
  readonly lookMs?: number;
  /** Of the process, in bytes. @default what the operating system says */
  readonly residentBytes?: () => number;
  /** Share of the time in which the thread was busy since the last call. @default of the event loop */
  readonly busy?: () => number;
  /** Makes the heap small. @default V8's collection of last resort */
  readonly collect?: () => Promise<void>;
}

/**
 * Gives back to the machine what a rush has left: V8 keeps the pages of its heap, empty ones as well, and takes a process that
 * does little for one in the foreground, which it spares. For a process that is a collector and nothing else.
 *
 * @returns ends it.
 */
export function returnSpareMemory(options: SpareMemoryOptions = {}): () => void {
  const {
    lookMs = LOOK_MS,
    residentBytes = () => process.memoryUsage.rss(),
    busy = busyOfLoop(),
    collect = collectAll,
  } = options;
  let needed = residentBytes();
  const look = async () => {
    const calm = busy() <= BUSY_MAX;
    if (!calm || residentBytes() < needed + SPARE_BYTES_MIN) return;
    await collect();
    needed = residentBytes();
  };
  const timer = setInterval(() => void look(), lookMs).unref();
  return () => clearInterval(timer);
}

function busyOfLoop(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}

/** There is no other way to it than the flag. */
async function collectAll(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: NodeJS.GCFunction = runInNewContext('gc');
  await collect({ type: 'major', flavor: 'last-resort', execution: 'async' });
}

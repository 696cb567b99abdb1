import type { DiskSample } from './host-sample.ts';
import { DISKS_MAX, type FileSystem } from './mounts.ts';

/** What `fs.statfs` answers, as far as it is looked at. */
export interface FileSystemStats {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}

export type Statfs = (path: string) => Promise<FileSystemStats>;

const STATFS_TIMEOUT_MS = 500;

/**
 * Asks file systems for their size, one after the other. A dead network mount never answers, and each question that hangs
 * keeps one of the process's few pool threads; so a file system with an open question is not asked again, and while any
 * is open no remote one is asked. At most one thread is lost to remote mounts.
 */
export class DiskReader {
  readonly #statfs: Statfs;
  readonly #timeoutMs: number;
  readonly #unanswered = new Set<string>();

  constructor(statfs: Statfs, timeoutMs: number = STATFS_TIMEOUT_MS) {
    this.#statfs = statfs;
    this.#timeoutMs = timeoutMs;
  }

  /** Left out are those past the bound of 32, and those that do not answer. */
  async read(fileSystems: readonly FileSystem[]): Promise<DiskSample[]> {
    const samples: DiskSample[] = [];
    for (const { mountPoint, remote } of fileSystems.slice(0, DISKS_MAX)) {
      if (this.#unanswered.has(mountPoint) || (remote && this.#unanswered.size > 0)) continue;
      const stats = await this.#ask(mountPoint);
      if (stats !== null && stats.blocks > 0) samples.push(diskSample(mountPoint, stats));
    }
    return samples;
  }

  async #ask(mountPoint: string): Promise<FileSystemStats | null> {
    this.#unanswered.add(mountPoint);
    const answer = this.#statfs(mountPoint)
      .catch(() => null)
      .finally(() => this.#unanswered.delete(mountPoint));
    const { promise: tooLate, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(resolve, this.#timeoutMs, null);
    timer.unref();
    const stats = await Promise.race([answer, tooLate]);
    clearTimeout(timer);
    return stats;
  }
}

/** Total is what `df` divides by: blocks reserved for root are neither used nor available. */
export function diskSample(mountPoint: string, stats: FileSystemStats): DiskSample {
  const usedBytes = (stats.blocks - stats.bfree) * stats.bsize;
  return { mountPoint, usedBytes, totalBytes: usedBytes + stats.bavail * stats.bsize };
}

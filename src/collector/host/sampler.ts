import { busyPercent, type CpuTimes, cpuTimesOf, parseProcStat, percent } from './cpu.ts';
import { DiskReader } from './disks.ts';
import { fileSystemsAt, type HostFacts, NO_FACTS } from './host-facts.ts';
import type { HostSample } from './host-sample.ts';
import { type Memory, parseMeminfo } from './memory.ts';
import { type FileSystem, fileSystems, type Mount } from './mounts.ts';
import { bytesPerSecond, type NetworkBytes, parseNetDev } from './network.ts';
import { type Platform, thisMachine } from './platform.ts';
import { type LimitedCpu, Surroundings } from './surroundings.ts';

export interface HostSampler {
  /** The machine now; CPU share and network rates are those since the previous sample (or since the sampler was made). */
  sample(): Promise<HostSample>;
  stop(): void;
}

export interface HostSamplerOptions {
  /** The file system that holds it comes first among the disks; it need not exist yet. */
  readonly dataDir: string;
  /** @default the machine the process runs on */
  readonly platform?: Platform;
}

/** Over less than that counters say nothing: the first sample is taken as soon as the collector serves. */
const INTERVAL_MIN_MS = 500;

/** What comes of two readings. */
type Rates = Pick<HostSample, 'cpuPercent' | 'networkRxBytesPerSecond' | 'networkTxBytesPerSecond'>;
const NOT_KNOWN: Rates = { cpuPercent: null, networkRxBytesPerSecond: null, networkTxBytesPerSecond: null };

/** Counters at one moment; rates come from two of them. */
interface Reading {
  readonly atMs: number;
  readonly cpu: CpuTimes;
  readonly cgroupCpu: LimitedCpu | null;
  readonly network: NetworkBytes;
}

/**
 * Samples the machine, or the container that limits us, without waiting for a disk or a program. Linux is read from `/proc`
 * and the cgroup tree. Elsewhere it is what Node knows and, once `systeminformation` has told them, the mounts, the network
 * and on macOS the memory; before that the data directory's file system and the system's are measured, and the network is
 * 0. Windows has no load average. A limit or a mount that is new, another or gone on Linux is seen within a minute.
 */
export function createHostSampler(options: HostSamplerOptions): HostSampler {
  const platform = options.platform ?? thisMachine;
  const dataDir = platform.existingDirectory(options.dataDir);
  const disks = new DiskReader(platform.statfs);
  const facts = isListed(platform) ? null : platform.facts();
  const surroundings = new Surroundings(platform);
  let previous = readMachine(platform, surroundings, facts?.latest() ?? NO_FACTS).reading;
  let rates = NOT_KNOWN;
  let sampling: Promise<HostSample> | null = null;

  const sample = async (): Promise<HostSample> => {
    const told = facts?.latest() ?? NO_FACTS;
    const { mounts, containerLimited, memory, reading } = readMachine(platform, surroundings, told);
    if (reading.atMs - previous.atMs >= INTERVAL_MIN_MS) {
      rates = ratesBetween(previous, reading, rates);
      previous = reading;
    }
    return {
      ...rates,
      ...(told.network !== null && {
        networkRxBytesPerSecond: told.network.rx,
        networkTxBytesPerSecond: told.network.tx,
      }),
      cpuCount: reading.cgroupCpu?.cpus ?? reading.cpu.count,
      load1m: platform.loadavg()[0] ?? 0,
      memoryUsedBytes: memory.usedBytes,
      memoryTotalBytes: memory.totalBytes,
      containerLimited,
      disks: await disks.read(
        mounts === null ? unlisted(platform, told, dataDir) : fileSystems(mounts, dataDir),
      ),
    };
  };
  return {
    sample: () => {
      // A sample that waits for a disk is shared rather than started again beside itself.
      sampling ??= sample().finally(() => {
        sampling = null;
      });
      return sampling;
    },
    stop: () => facts?.stop(),
  };
}

/** Whether `/proc` tells; elsewhere programs have to be asked. */
function isListed(platform: Platform): boolean {
  return platform.linux && platform.readFile('/proc/self/mountinfo') !== null;
}

interface MachineReading {
  readonly mounts: readonly Mount[] | null;
  /** CPU or memory is that of a limit. */
  readonly containerLimited: boolean;
  readonly memory: Memory;
  readonly reading: Reading;
}

function readMachine(platform: Platform, surroundings: Surroundings, told: HostFacts): MachineReading {
  const read = (path: string) => (platform.linux ? platform.readFile(path) : null);
  const cpu = parseProcStat(read('/proc/stat') ?? '') ?? cpuTimesOf(platform.cpus());
  const memory = parseMeminfo(read('/proc/meminfo') ?? '') ?? told.memory ?? memoryFromNode(platform);
  const mounts = surroundings.mounts();
  const limited = surroundings.limited({ cpus: cpu.count, bytes: memory.totalBytes });
  const limitedMemory = mounts === null ? memoryLimitedByNode(platform, memory) : limited.memory;
  return {
    mounts,
    containerLimited: limited.cpu !== null || limitedMemory !== null,
    memory: limitedMemory ?? memory,
    reading: {
      atMs: platform.monotonicMs(),
      cpu,
      cgroupCpu: limited.cpu,
      network: parseNetDev(read('/proc/net/dev') ?? ''),
    },
  };
}

function memoryFromNode(platform: Platform): Memory {
  const totalBytes = platform.totalmem();
  return { usedBytes: Math.max(0, totalBytes - platform.freemem()), totalBytes };
}

/** A process in a job or a jail; Node knows of it how much memory it may use. */
function memoryLimitedByNode(platform: Platform, { usedBytes, totalBytes }: Memory): Memory | null {
  const limitBytes = platform.constrainedMemory();
  if (limitBytes <= 0 || limitBytes >= totalBytes) return null;
  const freeBytes = Math.max(0, totalBytes - usedBytes);
  return { totalBytes: limitBytes, usedBytes: Math.max(0, limitBytes - freeBytes) };
}

/** `null` when too little time has passed, or the limit has moved to another group, so that there is nothing to compare. */
function ratesBetween(before: Reading, after: Reading, earlier: Rates): Rates {
  const elapsedMs = after.atMs - before.atMs;
  return {
    cpuPercent: cpuPercentBetween(before, after) ?? earlier.cpuPercent,
    networkRxBytesPerSecond: bytesPerSecond(before.network.rx, after.network.rx, elapsedMs),
    networkTxBytesPerSecond: bytesPerSecond(before.network.tx, after.network.tx, elapsedMs),
  };
}

function cpuPercentBetween(before: Reading, after: Reading): number | null {
  const limit = after.cgroupCpu;
  if (limit === null) return busyPercent(before.cpu, after.cpu);
  const elapsedMs = after.atMs - before.atMs;
  if (before.cgroupCpu?.group !== limit.group || elapsedMs <= 0) return null;
  return percent((limit.usedMs - before.cgroupCpu.usedMs) / elapsedMs / limit.cpus);
}

function unlisted(platform: Platform, { mountPoints }: HostFacts, dataDir: string): FileSystem[] {
  if (mountPoints !== null) return fileSystemsAt(mountPoints, dataDir);
  const others = platform.roots.filter((root) => !dataDir.startsWith(root));
  return [dataDir, ...others].map((mountPoint) => ({ mountPoint, remote: false }));
}

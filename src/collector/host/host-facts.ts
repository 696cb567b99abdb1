import type { networkInterfaces } from 'node:os';
import type { Memory } from './memory.ts';
import type { FileSystem } from './mounts.ts';
import type { NetworkBytes } from './network.ts';

/** What a platform without `/proc` tells through programs of its own; `null`: not known, or not known yet. */
export interface HostFacts {
  /** Where file systems are mounted that somebody can write to. */
  readonly mountPoints: readonly string[] | null;
  /** Per second. */
  readonly network: NetworkBytes | null;
  readonly memory: Memory | null;
}

export const NO_FACTS: HostFacts = { mountPoints: null, network: null, memory: null };

/** What `systeminformation` is asked for. */
export interface Question {
  readonly disks: boolean;
  readonly memory: boolean;
  /** Each costs a program or two. */
  readonly interfaces: readonly string[];
}

/** Its answers, as far as they are looked at; `null` for what was not asked or failed. */
export interface Answers {
  readonly disks: readonly DiskAnswer[] | null;
  readonly network: readonly InterfaceAnswer[] | null;
  readonly memory: MemoryAnswer | null;
}

export interface DiskAnswer {
  readonly mount: string;
  /** 0 for what is no disk (`devfs`, automounts). */
  readonly size: number;
  /** `null` where the platform does not tell. */
  readonly rw: boolean | null;
}

/** Per second since the previous answer: `null` in the first one, and for an interface that could not be read. */
export interface InterfaceAnswer {
  readonly rx_sec: number | null;
  readonly tx_sec: number | null;
}

export interface MemoryAnswer {
  readonly total: number;
  readonly available: number;
}

/** Parts of the one APFS container that macOS keeps for itself: they share the space of the volume that holds the data. */
const MACOS_INTERNAL = /^\/System\/Volumes\/(?!Data$)/;
/** macOS mounts the sealed system at `/` and everything that can be written over it. */
const MACOS_DATA = '/System/Volumes/Data';
/** A drive of Windows; `C:` alone would be the current directory there. */
const DRIVE = /^[a-z]:$/i;

/** Where there is something to measure. What nobody can write to is an image that is always full. */
export function mountPointsOf(disks: readonly DiskAnswer[]): string[] {
  const real = disks.filter(
    ({ mount, size, rw }) => mount !== '' && size > 0 && rw !== false && !MACOS_INTERNAL.test(mount),
  );
  return [...new Set(real.map(({ mount }) => (DRIVE.test(mount) ? `${mount}\\` : mount)))];
}

/** Sum over the interfaces that answered; `null` when none did. */
export function networkOf(interfaces: readonly InterfaceAnswer[]): NetworkBytes | null {
  let known = false;
  let rx = 0;
  let tx = 0;
  for (const { rx_sec: received, tx_sec: sent } of interfaces) {
    if (!isAmount(received) || !isAmount(sent)) continue;
    known = true;
    rx += received;
    tx += sent;
  }
  return known ? { rx, tx } : null;
}

/** Used is what new work could not get, as on Linux: caches the system would give back are not in use. */
export function memoryOf({ total, available }: MemoryAnswer): Memory | null {
  if (!isAmount(total) || !isAmount(available) || total === 0) return null;
  return { usedBytes: Math.max(0, total - available), totalBytes: total };
}

function isAmount(value: number | null): value is number {
  return value !== null && Number.isFinite(value) && value >= 0;
}

/**
 * The file systems to measure, the one that holds the data directory first. Whether one is on another machine is not told
 * everywhere, so all but the first are asked as if they were.
 */
export function fileSystemsAt(mountPoints: readonly string[], dataDir: string): FileSystem[] {
  const holding = mountPoints
    .filter((mountPoint) => holds(mountPoint, dataDir))
    .sort((a, b) => b.length - a.length)[0];
  const home = holding ?? (mountPoints.includes(MACOS_DATA) ? MACOS_DATA : dataDir);
  const others = mountPoints.filter((mountPoint) => mountPoint !== home);
  return [{ mountPoint: home, remote: false }, ...others.map((mountPoint) => ({ mountPoint, remote: true }))];
}

function holds(mountPoint: string, path: string): boolean {
  if (mountPoint.endsWith('\\')) return path.toLowerCase().startsWith(mountPoint.toLowerCase());
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}

/** More are left out: each costs the start of a program or two. */
const INTERFACES_MAX = 8;
/** Tunnels, bridges and virtual switches carry bytes that a real interface carries as well. */
const CARRIED_ELSEWHERE = /^(lo\d*$|utun|tun|tap|bridge|gif|stf|vmnet|vmenet|ifb|docker|veth|vEthernet)/;
const LINK_LOCAL = /^(fe80:|169\.254\.)/i;

/**
 * The interfaces worth asking for: with an address somebody can reach, and not carried by another one, unless those are
 * all there are (a virtual switch of Windows takes the address of the real interface).
 *
 * @param byAddress ask by hardware address: on Windows names have spaces, which `systeminformation` takes out.
 */
export function interfacesToAsk(all: ReturnType<typeof networkInterfaces>, byAddress: boolean): string[] {
  const reachable = Object.entries(all).flatMap(([name, addresses = []]) => {
    const address = addresses.find((one) => !one.internal && !LINK_LOCAL.test(one.address));
    return address === undefined ? [] : [{ name, mac: address.mac }];
  });
  const real = reachable.filter(({ name }) => !CARRIED_ELSEWHERE.test(name));
  const chosen = real.length > 0 ? real : reachable;
  return [...new Set(chosen.map(({ name, mac }) => (byAddress ? mac : name)))].slice(0, INTERFACES_MAX);
}

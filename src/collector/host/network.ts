export interface NetworkBytes {
  readonly rx: number;
  readonly tx: number;
}

/**
 * Interfaces that carry bytes another one carries as well (bridges, their virtual ends, bonds, VLANs `eth0.100`), and the
 * loopback. Inside a container the one interface is called `eth0` and counts.
 */
const COUNTED_ELSEWHERE = /^(lo$|veth|docker|virbr|br(-|\d)|cni|flannel|cali|bond|team|dummy|ifb)|\./;

/** Position of the transmitted bytes among an interface's counters; the received ones come first. */
const TX_BYTES = 8;

/** Bytes of all real interfaces since boot, from the text of `/proc/net/dev`. */
export function parseNetDev(dev: string): NetworkBytes {
  let rx = 0;
  let tx = 0;
  for (const line of dev.split('\n')) {
    // The name may itself hold a colon (`eth0:1`), and the counters may follow it without a space.
    const [, name, counters] = /^\s*(\S+):\s*([\d\s]+)$/.exec(line) ?? [];
    if (name === undefined || counters === undefined || COUNTED_ELSEWHERE.test(name)) continue;
    const values = counters.trim().split(/\s+/).map(Number);
    rx += values[0] ?? 0;
    tx += values[TX_BYTES] ?? 0;
  }
  return { rx, tx };
}

/** Bytes per second between two readings; 0 when counters were reset or an interface went away. */
export function bytesPerSecond(before: number, after: number, elapsedMs: number): number {
  return elapsedMs > 0 ? Math.max(0, ((after - before) / elapsedMs) * 1000) : 0;
}

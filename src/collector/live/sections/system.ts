import type { InstrumentSpec } from '../../../core/signals/instruments.ts';
import {
  EVENT_LOOP_P99,
  EVENT_LOOP_UTILIZATION,
  HEAP_USED,
  PROCESS_MEMORY,
  PROCESS_THREADS,
} from '../../../core/signals/system.ts';
import type { SystemSnapshot } from '../../../core/snapshot.ts';
import { GIB, MIB } from '../../../core/units.ts';
import { lateMs } from '../instances.ts';
import { percent, round, sumOf } from './numbers.ts';
import type { LiveView } from './view.ts';

/** The host from its latest sample; the processes from their gauges: sums, and the worst event loop. */
export function systemSection(view: LiveView): SystemSnapshot {
  const { host } = view;
  const disk = host.disks[0];
  const blockedMs = Math.max(0, ...view.instances.map((instance) => lateMs(instance, view.nowMs)));
  return {
    cpu_percent: round(host.cpuPercent ?? 0, 1),
    memory_percent: percent(host.memoryUsedBytes, host.memoryTotalBytes),
    memory_used_gb: round(host.memoryUsedBytes / GIB, 2),
    memory_total_gb: round(host.memoryTotalBytes / GIB, 2),
    disk_percent: disk === undefined ? 0 : percent(disk.usedBytes, disk.totalBytes),
    disk_used_gb: round((disk?.usedBytes ?? 0) / GIB, 2),
    process_memory_mb: round(sumOf(values(view, PROCESS_MEMORY), identity) / MIB, 2),
    process_threads: sumOf(values(view, PROCESS_THREADS), identity),
    cpu_count: round(host.cpuCount, 2),
    load_1m: round(host.load1m, 2),
    disk_total_gb: round((disk?.totalBytes ?? 0) / GIB, 2),
    heap_used_mb: round(sumOf(values(view, HEAP_USED), identity) / MIB, 2),
    event_loop_p99_ms: round(Math.max(blockedMs, 1000 * Math.max(0, ...values(view, EVENT_LOOP_P99))), 1),
    event_loop_utilization_percent: round(
      blockedMs > 0 ? 100 : 100 * Math.max(0, ...values(view, EVENT_LOOP_UTILIZATION)),
      1,
    ),
    network_rx_bytes_per_second: round(host.networkRxBytesPerSecond ?? 0, 1),
    network_tx_bytes_per_second: round(host.networkTxBytesPerSecond ?? 0, 1),
    container_limited: host.containerLimited,
  };
}

const identity = (value: number): number => value;

function values({ store }: LiveView, { name }: InstrumentSpec): number[] {
  return store.gauges(name).flatMap((series) => [...series.values.values()]);
}

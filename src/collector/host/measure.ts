import type { Meter } from '@opentelemetry/api';
import { gaugeOf } from '../../core/signals/instruments.ts';
import {
  CPU_COUNT,
  CPU_UTILIZATION,
  FILESYSTEM_LIMIT,
  FILESYSTEM_USAGE,
  LOAD_1M,
  MEMORY_LIMIT,
  MEMORY_USAGE,
  NETWORK_RATE,
} from '../../core/signals/system.ts';
import { DIRECTION, RECEIVE, TRANSMIT } from '../../core/signals/ws-session.ts';
import type { HostSample } from './host-sample.ts';

const MOUNT_POINT = 'system.filesystem.mountpoint';

/** Makes the host's gauges, and gives back what records a sample on them. */
export function hostMeasure(meter: Meter): (host: HostSample) => void {
  const cpu = gaugeOf(meter, CPU_UTILIZATION);
  const cpus = gaugeOf(meter, CPU_COUNT);
  const load = gaugeOf(meter, LOAD_1M);
  const memory = gaugeOf(meter, MEMORY_USAGE);
  const memoryLimit = gaugeOf(meter, MEMORY_LIMIT);
  const network = gaugeOf(meter, NETWORK_RATE);
  const disk = gaugeOf(meter, FILESYSTEM_USAGE);
  const diskLimit = gaugeOf(meter, FILESYSTEM_LIMIT);
  return (host) => {
    if (host.cpuPercent !== null) cpu.record(host.cpuPercent / 100, {});
    cpus.record(host.cpuCount, {});
    load.record(host.load1m, {});
    memory.record(host.memoryUsedBytes, {});
    memoryLimit.record(host.memoryTotalBytes, {});
    const { networkRxBytesPerSecond: received, networkTxBytesPerSecond: sent } = host;
    if (received !== null) network.record(received, { [DIRECTION]: RECEIVE });
    if (sent !== null) network.record(sent, { [DIRECTION]: TRANSMIT });
    for (const { mountPoint, usedBytes, totalBytes } of host.disks) {
      disk.record(usedBytes, { [MOUNT_POINT]: mountPoint });
      diskLimit.record(totalBytes, { [MOUNT_POINT]: mountPoint });
    }
  };
}

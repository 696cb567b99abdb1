import type { SystemEvent } from '../../core/signals/system.ts';
import type { HostSample } from '../host/host-sample.ts';

/** One gauge as a row of `system_metrics`, before it has an id. */
export type SystemReading = Pick<SystemEvent, 'metricType' | 'metricName' | 'value' | 'unit' | 'tags'>;

const share = (part: number, whole: number): number => (whole > 0 ? (part / whole) * 100 : 0);

/** The rows of one host sample: every mounted disk has its own, because the full one is rarely `/`. */
export function hostReadings(host: HostSample): SystemReading[] {
  const reading = (
    metricType: string,
    metricName: string,
    value: number,
    unit: SystemReading['unit'],
  ): SystemReading => ({ metricType, metricName, value, unit, tags: {} });
  const known = (type: string, name: string, value: number | null, unit: SystemReading['unit']) =>
    value === null ? [] : [reading(type, name, value, unit)];
  return [
    ...known('cpu', 'cpu_percent', host.cpuPercent, 'percent'),
    reading('cpu', 'load_1m', host.load1m, 'load'),
    reading('memory', 'memory_percent', share(host.memoryUsedBytes, host.memoryTotalBytes), 'percent'),
    reading('memory', 'memory_used_bytes', host.memoryUsedBytes, 'bytes'),
    ...host.disks.flatMap(({ mountPoint, usedBytes, totalBytes }) => {
      const tags = { mount_point: mountPoint };
      return [
        { ...reading('disk', 'disk_percent', share(usedBytes, totalBytes), 'percent'), tags },
        { ...reading('disk', 'disk_used_bytes', usedBytes, 'bytes'), tags },
      ];
    }),
    ...known('network', 'network_rx_bytes_per_second', host.networkRxBytesPerSecond, 'bytes_per_second'),
    ...known('network', 'network_tx_bytes_per_second', host.networkTxBytesPerSecond, 'bytes_per_second'),
  ];
}

/** What the process gauges of one instance are called in `system_metrics`, and how their value is converted. */
interface ProcessReading {
  readonly type: string;
  readonly name: string;
  readonly unit: SystemReading['unit'];
  readonly factor: number;
}

const PROCESS_READINGS: Readonly<Record<string, ProcessReading>> = {
  'process.memory.usage': { type: 'process', name: 'process_memory_bytes', unit: 'bytes', factor: 1 },
  'process.thread.count': { type: 'process', name: 'process_threads', unit: 'count', factor: 1 },
  'process.cpu.utilization': { type: 'process', name: 'process_cpu_percent', unit: 'percent', factor: 100 },
  'v8js.memory.heap.used': { type: 'runtime', name: 'heap_used_bytes', unit: 'bytes', factor: 1 },
  'nodejs.eventloop.delay.p99': { type: 'runtime', name: 'event_loop_p99_ms', unit: 'ms', factor: 1000 },
  'nodejs.eventloop.utilization': {
    type: 'runtime',
    name: 'event_loop_utilization_percent',
    unit: 'percent',
    factor: 100,
  },
  'nervecenter.websocket.connections': {
    type: 'connections',
    name: 'ws_connections',
    unit: 'count',
    factor: 1,
  },
};

/** Whose gauge it is; `null`: the instance is not known any more. */
interface ReadingSender {
  readonly instanceId: string;
  readonly service: string | null;
}

/** The row of a gauge of an agent's process, or `null` when the gauge has none. */
export function processReading(gauge: string, value: number, sender: ReadingSender): SystemReading | null {
  const known = PROCESS_READINGS[gauge];
  if (known === undefined) return null;
  return {
    metricType: known.type,
    metricName: known.name,
    value: value * known.factor,
    unit: known.unit,
    tags: { instance_id: sender.instanceId, ...(sender.service === null ? {} : { service: sender.service }) },
  };
}

/** The names of the gauges that `processReading` knows. */
export const PROCESS_READING_GAUGES: readonly string[] = Object.keys(PROCESS_READINGS);

import type { SystemEvent } from '../event.ts';
import { eventColumns, text } from '../row.ts';
import type { InstrumentSpec, Signal } from '../signal.ts';

const gauge = (name: string, unit: string, description: string): InstrumentSpec => ({
  name,
  kind: 'gauge',
  unit,
  description,
});

export const CPU_UTILIZATION = gauge(
  'system.cpu.utilization',
  '1',
  'Share of all CPUs (or of the container limit) busy.',
);
export const CPU_COUNT = gauge('system.cpu.logical.count', '{cpu}', 'CPUs, or the container limit.');
export const LOAD_1M = gauge('system.cpu.load_average.1m', '{thread}', 'Load average over one minute.');
export const MEMORY_USAGE = gauge('system.memory.usage', 'By', 'Memory in use.');
export const MEMORY_LIMIT = gauge('system.memory.limit', 'By', 'Memory there is, or the container limit.');
export const FILESYSTEM_USAGE = gauge('system.filesystem.usage', 'By', 'Bytes in use per mount point.');
export const FILESYSTEM_LIMIT = gauge('system.filesystem.limit', 'By', 'Size per mount point.');
export const NETWORK_RATE = gauge('system.network.io.rate', 'By/s', 'Network bytes per second by direction.');
export const PROCESS_MEMORY = gauge('process.memory.usage', 'By', 'Resident memory of the process.');
export const PROCESS_THREADS = gauge('process.thread.count', '{thread}', 'Threads of the process.');
export const PROCESS_CPU = gauge(
  'process.cpu.utilization',
  '1',
  'CPU time of the process per second of wall time.',
);
export const HEAP_USED = gauge('v8js.memory.heap.used', 'By', "Heap in use in the app's thread.");
export const EVENT_LOOP_P99 = gauge(
  'nodejs.eventloop.delay.p99',
  's',
  "Event loop delay of the app's thread, p99.",
);
export const EVENT_LOOP_UTILIZATION = gauge(
  'nodejs.eventloop.utilization',
  '1',
  "Utilisation of the app's event loop.",
);

/** Gauges the agent measures in its own process; the collector samples the host. */
export const PROCESS_GAUGES = [
  PROCESS_MEMORY,
  PROCESS_THREADS,
  PROCESS_CPU,
  HEAP_USED,
  EVENT_LOOP_P99,
  EVENT_LOOP_UTILIZATION,
] as const;

export const HOST_GAUGES = [
  CPU_UTILIZATION,
  CPU_COUNT,
  LOAD_1M,
  MEMORY_USAGE,
  MEMORY_LIMIT,
  FILESYSTEM_USAGE,
  FILESYSTEM_LIMIT,
  NETWORK_RATE,
] as const;

/** Gauges are sampled on a timer, not on an event: the rows are what the samples were every 15 s. */
export const system: Signal<SystemEvent> = {
  name: 'system',
  table: 'system_metrics',
  instruments: [...HOST_GAUGES, ...PROCESS_GAUGES],
  measure: () => {},
  columns: [
    ...eventColumns<SystemEvent>(),
    { name: 'metric_type', type: 'varchar', value: (event) => text(event.metricType, 50) },
    { name: 'metric_name', type: 'varchar', value: (event) => text(event.metricName, 100) },
    { name: 'value', type: 'double precision', value: (event) => event.value },
    { name: 'unit', type: 'varchar', value: (event) => event.unit },
    { name: 'tags', type: 'jsonb', value: (event) => JSON.stringify(event.tags).replaceAll('\\u0000', '') },
  ],
};

import type { EventBase } from '../event.ts';
import { COUNTS, distribution, measure } from '../history/measures.ts';
import { EVENT_RECORD } from '../records/layout.ts';
import { MINUTE_MS } from '../units.ts';
import { EVENT, isNumber, isText, recordOf } from './checks.ts';
import type { GaugeSpec } from './instruments.ts';
import { eventColumns, text } from './row.ts';
import type { Signal } from './signal.ts';

/** One gauge of the host or the process, sampled every 15 s. */
export interface SystemEvent extends EventBase {
  readonly signal: 'system';
  /** `cpu`, `memory`, `disk`, `network`, `process`, `runtime`, `connections`. */
  readonly metricType: string;
  readonly metricName: string;
  readonly value: number;
  readonly unit: 'percent' | 'bytes' | 'count' | 'ms' | 'bytes_per_second' | 'load';
  readonly tags: Readonly<Record<string, string>>;
}

const TAGS_MAX = 128;
/** What a gauge is measured in stands in its rows. */
const UNIT = 'as stored';
const HEADING = 'Value';

const gauge = (name: string, unit: string, description: string): GaugeSpec => ({
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
  words: { title: 'System', plural: 'system gauges' },
  table: 'system_metrics',
  instruments: [...HOST_GAUGES, ...PROCESS_GAUGES],
  measure: () => () => {},
  columns: [
    ...eventColumns<SystemEvent>(),
    { name: 'metric_type', type: 'varchar', value: (event) => text(event.metricType, 50) },
    { name: 'metric_name', type: 'varchar', value: (event) => text(event.metricName, 100) },
    { name: 'value', type: 'double precision', value: (event) => event.value },
    { name: 'unit', type: 'varchar', value: (event) => event.unit },
    { name: 'tags', type: 'jsonb', value: (event) => JSON.stringify(event.tags).replaceAll('\\u0000', '') },
  ],
  record: {
    ...EVENT_RECORD,
    metricType: 'name',
    metricName: 'name',
    value: 'number',
    unit: 'name',
    tags: 'json',
  },
  accepts: {
    ...EVENT,
    metricType: isText,
    metricName: isText,
    value: isNumber,
    unit: isText,
    tags: recordOf(isText, TAGS_MAX),
  },
  history: {
    dimensions: {
      metric: 'r.metric_name',
      instance: `r.tags->>'instance_id'`,
      service: `r.tags->>'service'`,
    },
    fields: { value: { value: { column: 'value' }, rolledBy: ['metric'] } },
    sums: {},
    measures: {
      value: measure(UNIT, { kind: 'm4' }, { heading: HEADING, words: 'values' }),
      ...COUNTS,
      ...distribution({ unit: UNIT, heading: HEADING }),
    },
    firstMeasure: 'value',
    oneAtATime: {
      dimension: 'metric',
      first: 'cpu_percent',
      expected: 'the name of a system metric such as cpu_percent',
    },
    finestStepMs: MINUTE_MS / 2,
  },
  retention: { key: 'system', days: 7 },
};

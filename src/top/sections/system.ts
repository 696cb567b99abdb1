import { totalsOf } from '../../client/totals.ts';
import type { SystemSnapshot } from '../../core/snapshot.ts';
import { meter, resourceTone, sparkline, trendWidth } from '../drawing/bars.ts';
import { joined, type Line, pad, type Span, span } from '../drawing/text.ts';
import { bytes, count, decimal, duration, hundredths, percent, timeSpan } from '../figures.ts';
import type { Block, Scene } from '../picture.ts';

const LABEL_WIDTH = 8;
const PERCENT_WIDTH = 7;
const METER_WIDTH_MIN = 10;
const METER_WIDTH_MAX = 30;
const TREND_WIDTH = 20;
const NARROW = 66;
const ROOMY = 80;

interface Gauge {
  readonly label: string;
  readonly percent: number;
  readonly trend: readonly number[];
  readonly detail: string;
}

export function systemBlock(scene: Scene, width: number): Block {
  const { system } = scene.snapshot;
  return {
    title: 'System',
    summary: system.container_limited ? [[span('against the container’s limits', 'muted')]] : [],
    lead: [...gauges(scene).map((gauge) => gaugeLine(gauge, width)), processLine(scene, width)],
    rows: [],
    rowsWanted: 0,
    noun: 'rows',
  };
}

function gauges({ snapshot: { system }, metrics: { history } }: Scene): readonly Gauge[] {
  const load = `${decimal(system.cpu_count).replace('.0', '')} CPUs, load ${hundredths(system.load_1m)}`;
  const memory = `${hundredths(system.memory_used_gb)} of ${hundredths(system.memory_total_gb)} GB`;
  const disk = `${hundredths(system.disk_used_gb)} of ${hundredths(system.disk_total_gb)} GB`;
  return [
    { label: 'CPU', percent: system.cpu_percent, trend: history.cpu, detail: load },
    { label: 'Memory', percent: system.memory_percent, trend: history.memory, detail: memory },
    { label: 'Disk', percent: system.disk_percent, trend: [], detail: disk },
  ];
}

function gaugeLine({ label, percent: value, trend, detail }: Gauge, width: number): Line {
  const meterWidth = Math.min(METER_WIDTH_MAX, Math.max(METER_WIDTH_MIN, Math.floor(width / 4)));
  const tone = resourceTone(value);
  const courseWidth = width < ROOMY ? TREND_WIDTH / 2 : TREND_WIDTH;
  const line = span(sparkline(trend, courseWidth, 100), tone);
  const course = width < NARROW ? [] : [pad(line, courseWidth, 'right'), span('  ')];
  return [
    pad(span(label), LABEL_WIDTH, 'left'),
    ...meter(value, meterWidth, tone),
    pad(span(percent(value), tone), PERCENT_WIDTH, 'right'),
    span('  '),
    ...course,
    span(detail, 'muted'),
  ];
}

function processLine({ snapshot: { system, instances } }: Scene, width: number): Line {
  const label = pad(span('App'), LABEL_WIDTH, 'left');
  if (instances.length === 0) return [label, span('no app has connected yet', 'muted')];
  return [
    label,
    ...joined(
      [
        [ofProcess(system.process_memory_mb, megabytes), span(' resident', 'muted')],
        [span('heap ', 'muted'), ofProcess(system.heap_used_mb, megabytes)],
        [ofProcess(system.process_threads, count), span(' threads', 'muted')],
        ...(system.heap_used_mb > 0 || system.event_loop_p99_ms > 0 ? [loopPart(system)] : []),
      ],
      width - LABEL_WIDTH,
    ),
  ];
}

/** Every process takes some: 0 means that there is none. */
const ofProcess = (value: number, format: (value: number) => string): Span =>
  value > 0 ? span(format(value)) : span('–', 'muted');
const megabytes = (mb: number) => bytes(mb * 1024 * 1024);

function loopPart(system: SystemSnapshot): Line {
  return [
    span('loop ', 'muted'),
    span(percent(system.event_loop_utilization_percent)),
    span(' p99 ', 'muted'),
    span(timeSpan(system.event_loop_p99_ms)),
  ];
}

function networkLine({ snapshot: { system } }: Scene, width: number): Line {
  return [
    pad(span('Network'), LABEL_WIDTH, 'left'),
    ...joined(
      [
        [span('in ', 'muted'), span(`${bytes(system.network_rx_bytes_per_second)}/s`)],
        [span('out ', 'muted'), span(`${bytes(system.network_tx_bytes_per_second)}/s`)],
      ],
      width - LABEL_WIDTH,
    ),
  ];
}

/** The system section of the System page, which has room for the network too. */
export function systemDetailBlock(scene: Scene, width: number): Block {
  const block = systemBlock(scene, width);
  return { ...block, lead: [...(block.lead ?? []), networkLine(scene, width)] };
}

export function webSocketBlock({ snapshot, metrics: { history } }: Scene, width: number): Block {
  const { websocket } = snapshot;
  const totals = totalsOf(snapshot);
  const trend = sparkline(history.wsConnections, trendWidth(width));
  return {
    title: 'WebSocket',
    summary: [
      [
        span(count(websocket.connections_active), 'strong'),
        span(' open'),
        span(trend === '' ? '' : ` ${trend}`, 'good'),
      ],
      [span(totals.text(websocket.connections_total, count)), span(' sessions', 'muted')],
      [span('messages in ', 'muted'), span(totals.text(websocket.messages_in, count))],
      [span('out ', 'muted'), span(totals.text(websocket.messages_out, count))],
      [span('avg ', 'muted'), span(duration(websocket.session_avg_seconds * 1000))],
      [span(`${totals.text(websocket.bytes_in, bytes)} in, ${totals.text(websocket.bytes_out, bytes)} out`)],
    ],
    rows: [],
    rowsWanted: 0,
    noun: 'rows',
  };
}

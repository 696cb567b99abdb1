import type { InstanceSnapshot } from '../../core/snapshot.ts';
import type { ShownAlert } from '../alerts.ts';
import { type Column, table } from '../drawing/table.ts';
import { type Line, span } from '../drawing/text.ts';
import { bytes, count, duration, inUnit } from '../figures.ts';
import type { Block, Scene } from '../picture.ts';

export function alertsBlock({ alerts, nowMs }: Scene): Block {
  const firing = alerts.active.filter(({ state }) => state === 'firing');
  return {
    title: 'Alerts',
    summary: [
      alerts.problem === null
        ? firingWords(firing.length, alerts.rules)
        : [span(`not known: ${alerts.problem}`, 'muted')],
    ],
    rows: alerts.active.map((alert) => alertLine(alert, nowMs)),
    rowsWanted: 1,
    noun: 'alerts',
  };
}

function firingWords(firing: number, rules: number): Line {
  if (rules === 0) return [span('no rules', 'muted')];
  return firing === 0
    ? [span('none firing', 'good'), span(` (${count(rules)} rules)`, 'muted')]
    : [span(`${count(firing)} firing`, 'critical'), span(` (${count(rules)} rules)`, 'muted')];
}

function alertLine({ name, group, severity, state, sinceMs, value, unit }: ShownAlert, nowMs: number): Line {
  const tone = severity === 'critical' ? 'critical' : 'warning';
  return [
    span(state === 'firing' ? '■ firing   ' : '□ pending  ', tone),
    span(`${severity}  `, tone),
    span(group === '' ? name : `${name}: ${group}`),
    span(value === null ? '' : `  ${inUnit(value, unit)}`, 'strong'),
    span(`  since ${duration(nowMs - sinceMs)}`, 'muted'),
  ];
}

export function instancesBlock({ snapshot: { instances } }: Scene, width: number): Block {
  const { head, rows } = table(INSTANCE_COLUMNS, instances, width);
  return {
    title: 'Instances',
    summary: [[span(`${count(instances.filter(({ up }) => up).length)} of ${count(instances.length)} up`)]],
    ...(rows.length === 0 ? {} : { head }),
    rows,
    rowsWanted: 1,
    noun: 'instances',
  };
}

const INSTANCE_COLUMNS: readonly Column<InstanceSnapshot>[] = [
  { title: 'SERVICE', rank: 0, cell: ({ service }) => span(service) },
  { title: 'HOST', rank: 1, align: 'left', cell: ({ host }) => span(host) },
  { title: 'PID', rank: 0, cell: ({ pid }) => span(String(pid)) },
  {
    title: 'SEEN',
    rank: 0,
    cell: ({ up, last_seen_seconds }) =>
      up ? span('up', 'good') : span(`${duration(last_seen_seconds * 1000)} ago`, 'warning'),
  },
];

export function pipelineBlock({ snapshot: { pipeline } }: Scene): Block {
  const dropped = Object.entries(pipeline.events_dropped).filter(([, events]) => events > 0);
  const total = dropped.reduce((sum, [, events]) => sum + events, 0);
  return {
    title: 'Events',
    summary: [
      [span(count(pipeline.events_accepted)), span(' accepted', 'muted')],
      [span(count(pipeline.events_stored)), span(' stored', 'muted')],
      [span(count(pipeline.events_queued + pipeline.events_in_flight)), span(' waiting', 'muted')],
      [span(count(total), total > 0 ? 'warning' : 'ink'), span(' dropped', 'muted')],
      [span('storage ', 'muted'), span(pipeline.storage, pipeline.storage === 'down' ? 'degraded' : 'ink')],
      [span(bytes(pipeline.spool_bytes)), span(' spooled', 'muted')],
    ],
    rows: dropped.map(([reason, events]) => [span(`dropped: ${reason} `), span(count(events), 'warning')]),
    rowsWanted: 1,
    noun: 'reasons',
  };
}

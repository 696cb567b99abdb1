import type { Snapshot } from '../../../../src/client/index.ts';
import { bytes, count, counted, duration, name } from '../format.ts';

export interface Notice {
  readonly id: string;
  readonly severity: 'info' | 'warning' | 'bad';
  readonly text: string;
}

const REASONS_SHOWN_MAX = 4;
const INSTANCES_NAMED_MAX = 3;

function droppedNotice({ pipeline, window_seconds }: Snapshot): Notice | null {
  const { events_dropped: dropped, events_dropped_window: droppedNow } = pipeline;
  const reasons = Object.entries(dropped).filter(([, events]) => events > 0);
  if (reasons.length === 0) return null;
  reasons.sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, events]) => sum + events, 0);
  const named = reasons
    .slice(0, REASONS_SHOWN_MAX)
    .map(([reason, events]) => `${name(reason)} ${count(events)}`);
  const rest = reasons.length > REASONS_SHOWN_MAX ? ', …' : '';
  const text = `${counted(total, 'event')} dropped since the collector started: ${named.join(', ')}${rest}`;
  if (droppedNow === 0) return { id: 'dropped', severity: 'warning', text };
  const lately = `${count(droppedNow)} in the last ${duration(window_seconds * 1000)}`;
  return { id: 'dropped', severity: 'bad', text: `Dropping events: ${lately}; ${text}` };
}

function storageNotice({ pipeline }: Snapshot): Notice | null {
  if (pipeline.storage === 'off') {
    return {
      id: 'storage',
      severity: 'info',
      text: 'Storage is off: this view is live only, nothing is kept',
    };
  }
  if (pipeline.storage === 'ok') return null;
  const spooled = pipeline.spool_bytes > 0 ? ` (${bytes(pipeline.spool_bytes)} on disk)` : '';
  const waiting = pipeline.events_queued + pipeline.events_in_flight;
  return {
    id: 'storage',
    severity: 'bad',
    text: `Storage unreachable: ${counted(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'}${spooled}`,
  };
}

/** The database may be well or not: what waits for it is lost with the collector while the disk cannot be written. */
function durabilityNotice({ pipeline }: Snapshot): Notice | null {
  if (pipeline.durable) return null;
  const severity = pipeline.storage === 'down' ? 'bad' : 'warning';
  return {
    id: 'durability',
    severity,
    text: 'Spool unwritable: new events wait in memory only and would be lost with the collector',
  };
}

/** What names are of, as people call them. */
const KINDS: Readonly<Record<string, string>> = {
  error_type: 'type of error',
  exception_type: 'type of exception',
  stage: 'RAG stage',
  websocket_path: 'WebSocket path',
  series: 'series of a metric',
};

function foldedNotice({ pipeline }: Snapshot): Notice | null {
  const { labels_folded: folded, labels_folded_by: by } = pipeline;
  if (folded === 0) return null;
  const kinds = Object.entries(by)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, times]) => `${KINDS[kind] ?? kind} ${count(times)}`);
  const named = kinds.length === 0 ? '' : ` (${kinds.join(', ')})`;
  const text = `${counted(folded, 'time')} a name was counted as “other”, since others are busier${named}`;
  return { id: 'folded', severity: 'info', text };
}

function instancesNotice({ instances }: Snapshot): Notice | null {
  const down = instances.filter(({ up }) => !up);
  if (down.length === 0) return null;
  const named = down
    .slice(0, INSTANCES_NAMED_MAX)
    .map(
      ({ host, pid, last_seen_seconds }) =>
        `${name(host)} (${pid}), ${duration(last_seen_seconds * 1000)} ago`,
    );
  const rest = down.length > INSTANCES_NAMED_MAX ? '; …' : '';
  const text = `${down.length} of ${instances.length} instances not heard of: ${named.join('; ')}${rest}`;
  return { id: 'instances', severity: 'warning', text };
}

/** What the admin must know beside the figures: about storage, lost events, folded series and missing instances. */
export function noticesOf(snapshot: Snapshot): readonly Notice[] {
  const notices = [
    storageNotice(snapshot),
    durabilityNotice(snapshot),
    droppedNotice(snapshot),
    foldedNotice(snapshot),
    instancesNotice(snapshot),
  ];
  return notices.filter((notice) => notice !== null);
}

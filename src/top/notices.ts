import type { MetricsState } from '../client/metrics-state.ts';
import { totalsOf } from '../client/totals.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { type Line, paragraph, type Tone } from './drawing/text.ts';
import { bytes, count, duration } from './figures.ts';
import type { Picture } from './picture.ts';

/** How the figures come in, in a few words for the corner of every page. */
export function connectionWords({ metrics, view }: Picture): { readonly text: string; readonly tone: Tone } {
  if (view.paused) return { text: 'PAUSED, p goes on', tone: 'warning' };
  // One look, without a stream.
  if (metrics.connection === 'idle') return { text: '', tone: 'muted' };
  if (metrics.loginNeeded) return { text: 'LOGIN NEEDED', tone: 'critical' };
  if (metrics.connection === 'live') {
    return metrics.stale
      ? { text: 'waiting for data', tone: 'warning' }
      : { text: `live, every ${duration(metrics.intervalMs)}`, tone: 'good' };
  }
  if (metrics.connection === 'polling') return { text: 'polling, no WebSocket', tone: 'warning' };
  if (metrics.snapshot === null && metrics.nextAttemptAt === null)
    return { text: 'connecting…', tone: 'muted' };
  return { text: 'DISCONNECTED', tone: 'critical' };
}

/** `next attempt in 3 s`, or what is under way instead. */
export function attemptWords({ nextAttemptAt }: MetricsState, nowMs: number): string {
  return nextAttemptAt === null ? 'connecting…' : `next attempt in ${duration(nextAttemptAt - nowMs)}`;
}

/** What must be known beside the figures: how old they are, what storage lost or cannot reach, and why a total is missing. */
export function notices(picture: Picture, snapshot: Snapshot, width: number): readonly Line[] {
  const texts = [
    ageNotice(picture),
    storageNotice(snapshot),
    snapshot.pipeline.durable ? null : 'Spool unwritable: new events wait in the collector’s memory only',
    droppedNotice(snapshot),
    instancesNotice(snapshot),
    totalsOf(snapshot).hint || null,
  ];
  return texts.flatMap((text) => (text === null ? [] : paragraph(`! ${text}`, width, 'warning')));
}

function ageNotice({ metrics, nowMs, target, view }: Picture): string | null {
  const { stale, loginNeeded, lastUpdated, error, connection } = metrics;
  if (lastUpdated === null || view.paused) return null;
  const age = `figures are ${duration(nowMs - lastUpdated.getTime())} old`;
  if (loginNeeded) return `Login needed: the token is not valid any more; ${age}`;
  if (!stale || connection === 'live') return null;
  return `${error ?? `No answer from ${target}`}: ${age}, ${attemptWords(metrics, nowMs)}`;
}

function storageNotice({ pipeline }: Snapshot): string | null {
  if (pipeline.storage !== 'down') return null;
  const spooled = pipeline.spool_bytes > 0 ? ` (${bytes(pipeline.spool_bytes)} on disk)` : '';
  return `Storage unreachable: ${count(pipeline.events_queued + pipeline.events_in_flight)} events wait${spooled}`;
}

function droppedNotice({ pipeline, window_seconds }: Snapshot): string | null {
  if (pipeline.events_dropped_window === 0) return null;
  return `Dropping events: ${count(pipeline.events_dropped_window)} in the last ${duration(window_seconds * 1000)}`;
}

function instancesNotice({ instances }: Snapshot): string | null {
  const down = instances.filter(({ up }) => !up).length;
  return down === 0 ? null : `${down} of ${instances.length} instances not heard of`;
}

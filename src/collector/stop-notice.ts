import type { StorageState } from '../core/snapshot.ts';
import type { PipelineCounts } from './live/live.ts';
import type { Log } from './log.ts';

/** What of a collector's work outlives it. */
interface Stopped {
  readonly counts: Pick<PipelineCounts, 'events_stored' | 'events_queued' | 'dropped'>;
  readonly storage: {
    readonly state: StorageState;
    readonly description: string;
    readonly durable: boolean;
  } | null;
}

/** What is there after the end, where, and how to see it again: a sentence, or empty where nothing was recorded. */
export function stopNotice({ counts, storage }: Stopped): string {
  if (storage === null) return 'nothing is kept (NERVECENTER_STORAGE=off)';
  const { events_stored: stored, events_queued: queued, dropped } = counts;
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  if (stored + queued + lost === 0) return '';
  const parts = [
    ...(stored > 0 || queued === 0 ? [`${rows(stored)} kept in ${storage.description}`] : []),
    ...(queued > 0 ? [`${rows(queued)} wait in the spool for the next start to store them`] : []),
    ...(lost > 0 ? [`${rows(lost)} lost (${reasons(dropped)})`] : []),
  ];
  return `${parts.join(', ')}; to see them again: start it again, or npx nervecenter collector`;
}

/** As the last line of who hosted it. */
export function sayKept(collector: { kept(): string }, log: Log): void {
  const kept = collector.kept();
  if (kept !== '') log('stopped', kept);
}

function rows(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'row' : 'rows'}`;
}

function reasons(dropped: Readonly<Record<string, number>>): string {
  return Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .map(([reason]) => reason)
    .join(', ');
}

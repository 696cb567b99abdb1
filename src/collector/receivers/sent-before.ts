import { setTimeout as delay } from 'node:timers/promises';
import { SECOND_MS } from '../../core/units.ts';
import type { SentBatches } from './sent-batches.ts';

/** Once storage was tried in vain; a server that comes back sooner still tells. */
const SENT_AGAIN_PATIENCE_MS = 5 * SECOND_MS;

type SentOnDisk = Parameters<SentBatches['add']>[0];

/**
 * What may have been accepted before waits for storage to tell, but not for ever: a server may be down for long, and then the
 * spools tell nearly all of it.
 *
 * @returns waits for at most so many milliseconds more, then no longer: the events that a process hands over as it ends may
 * be among what waits.
 */
export function waitForSentBefore(
  sentBatches: SentBatches,
  storage: { sentOnDisk(): Promise<SentOnDisk> } | null,
  storageUsable: Promise<boolean>,
): (timeoutMs: number) => Promise<void> {
  let patience: NodeJS.Timeout | undefined;
  const lookOnDisk = async () => {
    if (storage !== null && !sentBatches.complete) sentBatches.add(await storage.sentOnDisk());
  };
  const giveUp = () => lookOnDisk().finally(() => sentBatches.completed(false));
  void storageUsable.then((usable) => {
    patience = setTimeout(() => void giveUp(), usable ? SENT_AGAIN_PATIENCE_MS : 0).unref();
  });
  return async (timeoutMs) => {
    clearTimeout(patience);
    await Promise.all([
      Promise.race([lookOnDisk(), delay(timeoutMs, null, { ref: false })]),
      sentBatches.awaited(timeoutMs),
    ]);
    sentBatches.completed(false);
  };
}

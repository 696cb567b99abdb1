import { EventMeter } from '../../src/collector/event-ledger.ts';
import type { StorageOptions } from '../../src/collector/sinks/postgres/storage.ts';

/** Storage whose events are measured as the collector measures them, and shown to nobody. */
export function unseen(): Pick<StorageOptions, 'measuring' | 'onEarlier'> {
  const meter = new EventMeter();
  return { measuring: { measure: (events) => meter.measure(events), show: () => {} }, onEarlier: () => {} };
}

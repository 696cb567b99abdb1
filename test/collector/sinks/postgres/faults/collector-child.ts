import { writeSync } from 'node:fs';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { requestEvent } from '../events.ts';

/** Several collectors under load, until somebody kills the process. Says which events it was told are safe. */
const [database = '', round = '', ...dataDirs] = process.argv.slice(2);
const postgres = JSON.parse(database) as PostgresConfig;
const EVENTS_PER_OFFER = 40;

async function run(dataDir: string, collector: number): Promise<void> {
  const storage = createStorage({
    ...unseen(),
    config: { postgres, dataDir, spoolMaxBytes: 64 * MIB },
    log: () => {},
  });
  await storage.start();
  for (let offer = 0; ; offer++) {
    const events = Array.from({ length: EVENTS_PER_OFFER }, (_, n) =>
      requestEvent({ route: `/${round}/${collector}/${offer}/${n}` }),
    );
    const accepted = storage.offer(events);
    void storage.flush(1000); // Now, not when a batch is full: more places to be killed at.
    await accepted;
    writeSync(1, `/${round}/${collector}/${offer}/\n`);
  }
}

await Promise.all(dataDirs.map(run));

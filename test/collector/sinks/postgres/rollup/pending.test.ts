import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { encodeEvents, sectionsOf } from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { MIB, milliseconds } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { oneOfEach, requestEvent } from '../events.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

it('the minutes of a batch stand in its header', () => {
  const at = [0, 59_999, 60_000, Date.UTC(2026, 10, 22, 10, 0, 59, 999), Date.UTC(1999, 11, 31)];
  const events = at.map((timeMs) => requestEvent({ timeMs: milliseconds(timeMs) }));
  const [section] = sectionsOf(encodeEvents(events).payload);
  assert.ok(section);
  const minutes = section.minutesMs?.toSorted((a, b) => a - b);
  assert.deepEqual(minutes, [0, 60_000, Date.UTC(1999, 11, 31), Date.UTC(2026, 10, 22, 10)]);
});

it('what is stored is marked with it, every signal once', async () => {
  const database = await server.createDatabase();
  const dataDir = reachableTempDir();
  const storage = createStorage({
    ...unseen(),
    config: { postgres: database, dataDir, spoolMaxBytes: MIB },
    log: () => {},
  });
  await storage.start();
  const events = oneOfEach();
  await storage.offer(events);
  assert.equal(await storage.flush(20_000), true);
  const marks = await storage.lend(async (client) => {
    const { rows } = await client.query<{ signal: string; minutes: Date[] }>(
      'SELECT signal, minutes FROM enterprise.nervecenter_rollup_pending ORDER BY signal',
    );
    return rows;
  });
  await storage.shutdown(5000);
  assert.deepEqual(
    marks.map(({ signal }) => signal),
    events.map(({ signal }) => signal).sort(),
  );
  const minute = Math.floor((events[0]?.timeMs ?? 0) / 60_000) * 60_000;
  assert.deepEqual(
    marks[0]?.minutes.map((at) => at.getTime()),
    [minute],
  );
  await assert.rejects(
    storage.lend(async () => {}),
    { code: 'NC_UNAVAILABLE' },
  );
});

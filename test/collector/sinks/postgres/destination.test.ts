import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { Spools } from '../../../../src/collector/sinks/postgres/spool/spools.ts';
import { OtherTargets } from '../../../../src/collector/sinks/postgres/spool/target.ts';
import { createStorage, leaveInSpool } from '../../../../src/collector/sinks/postgres/storage.ts';
import { readConfig } from '../../../../src/config/config.ts';
import { destinationOf, leavingOf } from '../../../../src/config/place.ts';
import { unseen } from '../../../support/measuring.ts';
import { until } from '../../../support/poll.ts';
import { reachableTempDir } from '../../../support/postgres.ts';
import { requestEvents } from './events.ts';

let dataDir: string;
let lines: string[];
beforeEach(() => {
  dataDir = reachableTempDir();
  lines = [];
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** No server listens there. */
const NOBODY = { NERVECENTER_DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x' };
const X = { NERVECENTER_DATABASE_URL: 'postgres://u:secret@db.example.com/x' };

const configOf = (env: Readonly<Record<string, string>>, cwd = dataDir) =>
  readConfig({ ...env, NERVECENTER_DATA_DIR: cwd }, cwd, { reader: 'app' });

/** What is left in the directory for a process with these settings, which leaves so many events more itself as it ends. */
async function waitingFor(env: Readonly<Record<string, string>>, leaves = 0): Promise<number> {
  const config = configOf(env);
  const spools = await Spools.open({
    directory: join(config.dataDir, 'spool'),
    maxBytes: config.spoolMaxBytes,
    target: destinationOf(config),
    others: new OtherTargets((line) => lines.push(line)),
    onFound: () => {},
    onLost: (reason) => assert.fail(reason),
  });
  const { rows } = spools;
  await spools.close();
  const lot = { events: requestEvents(leaves), points: [], sent: [], again: false };
  if (leaves > 0) assert.equal(await leaveInSpool({ ...unseen(), config }, [lot]), '');
  return rows;
}

test('what a process leaves as it ends waits for one that stores in the same database and schema', async () => {
  assert.equal(await waitingFor(X, 3), 0);
  assert.equal(await waitingFor({}, 5), 0, 'embedded storage');
  assert.equal(await waitingFor({ NERVECENTER_DATABASE_URL: 'postgres://u:p@db.example.com/y' }), 0);
  assert.equal(await waitingFor({ ...X, NERVECENTER_SCHEMA: 'team_b' }), 0);
  assert.equal(await waitingFor({ NERVECENTER_SCHEMA: 'team_b' }), 0);
  assert.equal(await waitingFor({ NERVECENTER_DATABASE_URL: 'postgres://other@DB.example.com:5432/x' }), 3);
  assert.equal(await waitingFor({}), 5);
  assert.ok(
    lines.some((line) =>
      /1 batch of rows wait there for Postgres db\.example\.com:5432\/x, schema enterprise/.test(line),
    ),
  );
  assert.ok(lines.every((line) => !line.includes('secret')));
});

test('what is left in another directory is taken by the collector that its processes join, once it is idle', async () => {
  const elsewhere = reachableTempDir();
  const config = configOf(NOBODY, elsewhere);
  const holder = createStorage({ ...unseen(), config, log: (_, line) => lines.push(line) });
  try {
    await holder.start();
    assert.equal(await waitingFor({}, 5), 0);
    assert.equal(await waitingFor(NOBODY, 3), 0);
    const leaving = leavingOf(configOf(NOBODY));
    assert.ok(leaving !== null);
    holder.takeLeft({ ...leaving, target: 'Postgres 127.0.0.1:1/z, schema enterprise' });
    holder.takeLeft({ ...leaving, dataDir: elsewhere });
    holder.takeLeft(leaving);
    await until(() => holder.counts().queued === 3);
    assert.equal(holder.counts().accepted, 3);
    assert.equal(await waitingFor(NOBODY), 0, 'it is in use');
  } finally {
    await holder.shutdown(1000);
    rmSync(elsewhere, { recursive: true, force: true });
  }
  assert.equal(await waitingFor({}), 5);
  assert.equal(await waitingFor(NOBODY), 3, 'what could not be stored stays where it was');
  assert.equal(leavingOf(configOf({ NERVECENTER_STORAGE: 'off' })), null);
});

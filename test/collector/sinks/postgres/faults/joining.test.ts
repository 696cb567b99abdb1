import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';
import { Producer } from './producer.ts';

const CHILD = join(import.meta.dirname, 'collector-child.ts');
const PATIENCE_MS = 60_000;
const SHUTDOWN_MS = 5000;
/** What `collector-child.ts` offers at once. */
const EVENTS_PER_OFFER = 40;

let dataDir: string;
let producers: Producer[];
beforeEach(() => {
  dataDir = reachableTempDir();
  producers = [];
});
afterEach(async () => {
  for (const producer of producers) await producer.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A storage with the embedded server of the directory. */
async function joining(): Promise<Producer> {
  const producer = new Producer({ database: null, dataDir });
  producers.push(producer);
  await producer.storage.start();
  return producer;
}

interface Stored {
  readonly id: string;
  readonly endpoint: string;
}

async function storedRows({ storage }: Producer): Promise<Stored[]> {
  return storage.lend(async (client) => {
    const { rows } = await client.query<Stored>('SELECT id, endpoint FROM enterprise.request_metrics');
    return rows;
  });
}

test('two of one directory use one server, and the second runs it when the first ends', async () => {
  const [first, second] = [await joining(), await joining()];
  assert.match(first.storage.description, /^embedded PostgreSQL 18 in [^,]*$/);
  assert.match(second.storage.description, new RegExp(`\\(run by process ${process.pid}\\)$`));
  for (const producer of [first, second]) producer.produce(700);
  for (const producer of [first, second]) await producer.settled();
  second.produce(300);
  await first.storage.shutdown(SHUTDOWN_MS);
  second.produce(500);
  await second.settled();
  assert.match(second.storage.description, /^embedded PostgreSQL 18 in .* \(run by this process now\)$/);
  const rows = await storedRows(second);
  assert.deepEqual(rows.map(({ id }) => id).sort(), [...first.produced, ...second.produced].sort());
  assert.equal(first.dropped + second.dropped, 0);
});

test('the process that runs the server is killed: the second goes on, and stores what was left', async () => {
  const child = spawn(process.execPath, [CHILD, 'null', 'killed', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  try {
    await until(() => said.length > 0, { timeoutMs: PATIENCE_MS });
    const second = await joining();
    assert.match(second.storage.description, new RegExp(`\\(run by process ${child.pid}\\)$`));
    second.produce(500);
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    await until(
      async () => {
        second.produce(100);
        await second.settled();
        return second.storage.description.endsWith('(run by this process now)');
      },
      { timeoutMs: PATIENCE_MS },
    );
    const rows = await storedRows(second);
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, 'no row twice');
    const stored = new Set(rows.map(({ id }) => id));
    assert.ok(second.produced.every((id) => stored.has(id)));
    const accepted = said.split('\n').slice(0, -1);
    const missing = accepted.filter(
      (offer) => rows.filter(({ endpoint }) => endpoint.startsWith(offer)).length !== EVENTS_PER_OFFER,
    );
    assert.deepEqual(missing, [], 'accepted and not stored');
  } finally {
    child.kill('SIGKILL');
  }
});

import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { evaluateHealth } from '../../../../../src/core/health.ts';
import { until } from '../../../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { ClockedLive } from '../../../live/agents.ts';
import { freeze } from './frozen.ts';
import { assertConserved, Producer } from './producer.ts';

/** Half of what it took when only a statement's own time limit told. */
const NOTICED_MS = 20_000;
/** The server's limit and the 10 s of grace, and as much again. */
const GIVEN_UP_MS = 30_000;
const STATEMENT_TIMEOUT_MS = 2000;
/** A machine on which the least question takes so long cannot tell slow from stopped. */
const BUSY_MS = 1500;
const EMPTY = new ClockedLive().live.snapshot();

describe('a server whose processes are all stopped', { skip: process.platform !== 'linux' }, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  function issuesOf({ storage }: Producer): readonly string[] {
    const pipeline = { ...EMPTY.pipeline, storage: storage.state };
    return evaluateHealth({ ...EMPTY, pipeline }).issues;
  }

  const count = (producer: Producer, pattern: RegExp): number =>
    producer.lines.filter((line) => pattern.test(line)).length;

  test('is noticed soon, said once, and used again when it goes on: nothing lost, nothing twice', async () => {
    const database = await server.createDatabase();
    const producer = new Producer({ database });
    let thaw = () => {};
    try {
      await producer.storage.start();
      producer.produce(500);
      await producer.settled();
      assert.deepEqual(issuesOf(producer), []);
      producer.produce(2000);
      thaw = freeze(server.clusterDir);
      await until(() => producer.storage.state === 'down', { timeoutMs: NOTICED_MS });
      assert.deepEqual(issuesOf(producer), ['Storage unreachable']);
      assert.equal(count(producer, /does not answer\. Rows wait meanwhile/), 1);
      await assert.rejects(
        producer.storage.lend(async () => {}),
        { code: 'NC_UNAVAILABLE', message: /does not answer/ },
      );
      producer.produce(500);
      await until(() => producer.acknowledged === producer.produced.length);
      producer.check();
      assert.ok(producer.storage.durable);
      thaw();
      await until(() => producer.storage.state === 'ok', { timeoutMs: NOTICED_MS });
      await producer.settled();
      await assertConserved(server, database, producer);
      assert.equal(producer.dropped, 0);
      assert.equal(count(producer, /is back after/), 1);
      assert.equal(producer.lines.length, 2, producer.lines.join('\n'));
    } finally {
      thaw();
      await producer.close();
    }
  });

  test('for longer than a batch may take: what was under way is stored once', async () => {
    const database = await server.createDatabase();
    const producer = new Producer({ database, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
    let thaw = () => {};
    try {
      await producer.storage.start();
      producer.produce(100);
      await producer.settled();
      thaw = freeze(server.clusterDir);
      producer.produce(3000);
      await until(() => producer.storage.counts().inFlight > 0);
      await until(() => producer.storage.counts().inFlight === 0, { timeoutMs: GIVEN_UP_MS });
      producer.check();
      assert.equal(producer.storage.state, 'down');
      thaw();
      await producer.settled();
      await until(() => producer.storage.state === 'ok', { timeoutMs: NOTICED_MS });
      await assertConserved(server, database, producer);
      assert.equal(producer.dropped, 0);
      assert.equal(count(producer, /does not answer/), 1);
    } finally {
      thaw();
      await producer.close();
    }
  });

  test('is told from one that is slow: a batch that waits and a long question change nothing', async (context) => {
    const database = await server.createDatabase();
    const producer = new Producer({ database });
    let slowestMs = 0;
    try {
      await producer.storage.start();
      producer.produce(100);
      await producer.settled();
      await server.using(database, async (client) => {
        await client.query('BEGIN; LOCK TABLE enterprise.request_metrics');
        producer.produce(2500);
        await until(() => producer.storage.counts().inFlight > 0);
        let isAnswered = false;
        const question = producer.storage.lend((reader) => reader.query('SELECT pg_sleep(6)'));
        void question.finally(() => {
          isAnswered = true;
        });
        while (!isAnswered) {
          const beganMs = performance.now();
          await client.query('SELECT pg_sleep(0.02)');
          slowestMs = Math.max(slowestMs, performance.now() - beganMs);
        }
        await question;
        await client.query('COMMIT');
      });
      await producer.settled();
      await assertConserved(server, database, producer);
      assert.equal(producer.dropped, 0);
      if (slowestMs > BUSY_MS)
        return context.skip(`the machine was busy: a short question took ${slowestMs} ms`);
      assert.deepEqual(producer.lines, []);
    } finally {
      await producer.close();
    }
  });
});

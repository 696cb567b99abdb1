import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { migrate } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import type { PostgresConfig } from '../../../src/config/config.ts';
import { RATE_LIMIT_ERRORS } from '../../../src/core/llm/rate-limit.ts';
import {
  allOf,
  anyOf,
  asked,
  equals,
  type Fact,
  holds,
  isAtLeast,
  isPresent,
  isWordOf,
  not,
  toSql,
} from '../../../src/core/signals/facts.ts';
import { type NervecenterEvent, SIGNALS, signalNamed } from '../../../src/core/signals/index.ts';
import { oneOfEach } from '../../collector/sinks/postgres/events.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { toRow } from '../../support/rows.ts';

const ROWS = { minLength: 1, maxLength: 30 };
const RUNS = 50;

let server: TestPostgres;
let database: PostgresConfig;

beforeAll(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  await server.using(database, (client) => migrate(client));
});
afterAll(() => server.stop());

/** Whether a fact holds of each row of a table, as Postgres has it. */
async function inPostgres(
  facts: readonly Fact[],
  table: string,
  rows: readonly object[],
): Promise<boolean[][]> {
  return server.using(database, async (client) => {
    const columns = facts.map((fact, at) => `${toSql(fact)} AS f${at}`).join(', ');
    const { rows: answers } = await client.query<Record<string, boolean>>(
      `SELECT ${columns} FROM jsonb_populate_recordset(NULL::enterprise.${table}, $1) WITH ORDINALITY AS r ORDER BY r.ordinality`,
      [JSON.stringify(rows)],
    );
    return answers.map((answer) => facts.map((_, at) => answer[`f${at}`] as boolean));
  });
}

const outcomes = fc.constantFrom('ok', 'error', 'aborted', "it's", '', 'Rate');
const errors = fc.constantFrom('ok', 'Rate_Limit_Error', 'TOO_MANY_REQUESTS', "it's", '');
const row = fc.record({
  outcome: fc.option(outcomes),
  error_type: fc.option(errors),
  success: fc.option(fc.boolean()),
  status_code: fc.option(fc.constantFrom(0, 200, 400, 429, 500)),
});
const { fact } = fc.letrec<{ fact: Fact }>((tie) => ({
  fact: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    outcomes.map((word) => equals('outcome', word)),
    errors.map((word) => equals('error_type', word)),
    fc.boolean().map((one) => equals('success', one)),
    fc.constantFrom(200, 429).map((one) => equals('status_code', one)),
    fc.constantFrom(200, 400).map((least) => isAtLeast('status_code', least)),
    fc.constantFrom('outcome', 'success', 'status_code').map(isPresent),
    fc.constant(isWordOf('error_type', RATE_LIMIT_ERRORS)),
    fc.array(tie('fact'), { minLength: 1, maxLength: 3 }).map((facts) => anyOf(...facts)),
    fc.array(tie('fact'), { minLength: 1, maxLength: 3 }).map((facts) => allOf(...facts)),
    tie('fact').map(not),
  ),
}));

describe('a fact', () => {
  it('is the same of a row in SQL and here, whatever it is made of, and never unknown', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fact, ROWS), fc.array(row, ROWS), async (facts, rows) => {
        const expected = rows.map((values) =>
          facts.map((one) => holds(one, (column) => (values as Record<string, unknown>)[column])),
        );
        assert.deepEqual(await inPostgres(facts, SIGNALS['llm-call'].table, rows), expected);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Values that fields of events have, beside those of the example. */
const ODD: Readonly<Record<string, readonly unknown[]>> = {
  outcome: ['ok', 'error', 'aborted'],
  statusCode: [null, 200, 399, 400, 404, 429, 529],
  errorType: [null, 'RESOURCE_EXHAUSTED', 'throttlingException', 'overloaded_error', '429', 'x'.repeat(300)],
  usage: [null],
  usageSource: ['provider', 'estimated', 'none'],
  billedUnits: [null, { images: 1 }],
  cost: [
    { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null },
    { usd: 0, cacheSavingsUsd: null, source: 'table', priceVersion: null },
    { usd: 1e-9, cacheSavingsUsd: null, source: 'table', priceVersion: null },
    { usd: 25_000, cacheSavingsUsd: null, source: 'provider', priceVersion: null },
  ],
  chunksRetrieved: [null, 0, 0.2, 1, 5e9],
  cacheHit: [null, true, false],
};

describe('the facts that are counted', () => {
  for (const { name } of Object.values(SIGNALS)) {
    const signal = signalNamed(name);
    const facts = Object.values(signal.history.sums).filter((sum) => typeof sum === 'object');
    if (facts.length === 0) continue;

    it(`of ${name} are the same of an event and of its row`, async () => {
      const example = oneOfEach().find((event) => event.signal === name) ?? assert.fail(name);
      const varied = Object.keys(ODD).filter((field) => field in example);
      const event = fc
        .record(
          Object.fromEntries(
            varied.map((field) => [
              field,
              fc.constantFrom(example[field as keyof NervecenterEvent] as unknown, ...(ODD[field] ?? [])),
            ]),
          ),
        )
        .map((fields) => ({ ...example, ...fields }) as NervecenterEvent);
      const tests = facts.map((one) => asked(one, signal.columns));
      await fc.assert(
        fc.asyncProperty(fc.array(event, ROWS), async (events) => {
          const rows = events.map((one) => rowOf(one));
          assert.deepEqual(
            await inPostgres(facts, signal.table, rows),
            events.map((one) => tests.map((test) => test(one))),
          );
        }),
        { numRuns: RUNS },
      );
    });
  }
});

function rowOf(event: NervecenterEvent): object {
  const signal = signalNamed(event.signal);
  return Object.fromEntries(
    toRow(signal, event).map((value, at) => {
      const { name = '', type } = signal.columns[at] ?? {};
      return [name, type === 'timestamptz' ? new Date(Number(value)).toISOString() : value];
    }),
  );
}

import { type ClientBase, escapeLiteral, type QueryResult } from 'pg';
import { BILLED } from '../../../core/llm/call-facts.ts';
import { LLM_CACHE_SAVINGS, LLM_COST, LLM_UNPRICED } from '../../../core/llm/call-instruments.ts';
import { COST_DECIMALS, COST_USD_LIMIT, type LlmCost, STORED_COST } from '../../../core/llm/cost.ts';
import { CALL_MODEL, CALL_OPERATION, CALL_PROVIDER } from '../../../core/llm/labels.ts';
import { SERVICE } from '../../../core/measured.ts';
import { toSql } from '../../../core/signals/facts.ts';
import { llmCall } from '../../../core/signals/llm-call.ts';
import { SECOND_MS } from '../../../core/units.ts';
import { STORED_CALL_COLUMNS, type StoredCall, storedCall } from '../../pricing/stored-call.ts';
import { TOUCHED_MINUTE } from './rollup/pending.ts';
import { type Correction, correctTotals } from './totals/correct.ts';

/** As the writer's: the server gives up a statement after this; a batch takes some 50 ms. */
const STATEMENT_TIMEOUT_MS = 30 * SECOND_MS;
const BATCH_ROWS_MAX = 1000;
/**
 * In partitions without statistics the planner expects a handful of rows: it would sort all that are left for every batch
 * instead of walking the index, and compare every row of a batch with every other.
 */
const PLANS = ['sort', 'bitmapscan', 'nestloop'].map((plan) => `SET LOCAL enable_${plan} = off`).join('; ');
/** The table of the rows `r`. */
const CALLS = `enterprise.${llmCall.table}`;
/** "rpri" in ASCII: what becomes different is found out by one at a time, or totals would be corrected twice. */
const LOCK_KEY = 0x72_70_72_69;
/** The migration that counted what there was; rows that others than collectors wrote since are in no total. */
const TOTALS_MIGRATION = 17;
const COUNTED = `(r.instance_id IS NOT NULL
  OR r.timestamp < (SELECT applied_at FROM enterprise.nervecenter_migrations WHERE number = ${TOTALS_MIGRATION}))`;
/** Before every row: times and ids are compared together. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

export interface RepriceOptions {
  readonly fromMs: number;
  /** Rows of this moment and later stay as they are. */
  readonly toMs: number;
  /** Only counts what would change. */
  readonly dryRun: boolean;
  readonly price: (call: StoredCall) => LlmCost;
  /** Asked before every batch: whether to stop there. */
  readonly stopped: () => boolean;
  readonly onProgress?: (totals: RepriceTotals) => void;
  /** @default 1000 */
  readonly batchRowsMax?: number;
}

/** What became of the rows so far. Money in USD. */
export interface RepriceTotals {
  readonly rows: number;
  /** Rows whose cost or savings are different now. */
  readonly changed: number;
  /** Of the rows, those with what the provider billed, which stays. */
  readonly reported: number;
  /** Of the rows, those that were billed and have no price now: a cost they have stays. */
  readonly unpriced: number;
  /** Sum of the costs of all rows, before and after. */
  readonly beforeUsd: number;
  readonly afterUsd: number;
  /** Where the next batch begins (ISO 8601), `null` at the end. */
  readonly reached: string | null;
}

const NOTHING: RepriceTotals = {
  rows: 0,
  changed: 0,
  reported: 0,
  unpriced: 0,
  beforeUsd: 0,
  afterUsd: 0,
  reached: null,
};

/** One row as it is read: counts as integers, times as text, which keeps their microseconds. */
interface Row {
  readonly id: string;
  readonly at: string;
  readonly cost_usd: string | null;
  readonly cost_source: string | null;
  readonly billed: boolean;
  readonly [column: string]: unknown;
}

interface Place {
  readonly at: string;
  readonly id: string;
}

/**
 * Prices stored calls anew, in order of time. Every batch is one transaction, with what it changes in the totals and the marks
 * of its minutes, as the writer leaves them: it can be interrupted anywhere, and repeated.
 */
export async function reprice(client: ClientBase, options: RepriceOptions): Promise<RepriceTotals> {
  let place: Place = { at: new Date(options.fromMs).toISOString(), id: FIRST_ID };
  let totals = NOTHING;
  while (!options.stopped()) {
    const rows = await inTransaction(client, async () => {
      if (!options.dryRun) await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
      const batch = await nextRows(client, place, options);
      totals = added(totals, batch, await settle(client, batch, options));
      return batch;
    });
    const last = rows.at(-1);
    if (last === undefined || rows.length < (options.batchRowsMax ?? BATCH_ROWS_MAX))
      return { ...totals, reached: null };
    place = last;
    totals = { ...totals, reached: last.at };
    options.onProgress?.(totals);
  }
  return { ...totals, reached: place.at };
}

async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query(`BEGIN; SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}; ${PLANS}`);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more.
    throw error;
  }
}

/** The rows after a place. Both bounds are constants to the planner, so that it opens no partition in vain. */
async function nextRows(client: ClientBase, { at, id }: Place, options: RepriceOptions): Promise<Row[]> {
  const from = `${escapeLiteral(at)}::timestamptz`;
  const to = `${escapeLiteral(new Date(options.toMs).toISOString())}::timestamptz`;
  const { rows } = await client.query<Row>(
    `SELECT r.id, ${STORED_COST} AS cost_usd, r.cost_source, ${toSql(BILLED)} AS billed, ${STORED_CALL_COLUMNS.join(', ')},
       to_json(r.timestamp) #>> '{}' AS at, (extract(epoch FROM r.timestamp) * 1000)::float8 AS time_ms
     FROM ${CALLS} r
     WHERE r.timestamp >= ${from} AND r.timestamp < ${to} AND (r.timestamp, r.id) > (${from}, $1::uuid)
     ORDER BY r.timestamp, r.id LIMIT ${options.batchRowsMax ?? BATCH_ROWS_MAX}`,
    [id],
  );
  return rows;
}

interface Settled {
  readonly changed: number;
  readonly unpriced: number;
  readonly reported: number;
  readonly beforeUsd: number;
  readonly afterUsd: number;
}

/** Prices the rows of a batch and stores what is different. */
async function settle(
  client: ClientBase,
  rows: readonly Row[],
  { dryRun, price }: RepriceOptions,
): Promise<Settled> {
  const ours = rows.filter(({ cost_source }) => cost_source !== 'provider');
  const costs = ours.map((row) => ({ row, cost: price(storedCall(row)) }));
  const known = costs.filter(({ cost }) => cost.usd !== null);
  const beforeUsd = rows.reduce((sum, { cost_usd }) => sum + Number(cost_usd ?? 0), 0);
  const unpriced = costs.filter(({ row, cost }) => cost.usd === null && row.billed).length;
  const counts = { unpriced, reported: rows.length - ours.length, beforeUsd };
  const [first, last] = [known[0]?.row.at, known.at(-1)?.row.at];
  if (first === undefined || last === undefined) return { ...counts, changed: 0, afterUsd: beforeUsd };
  const columns = [
    known.map(({ row }) => row.id),
    known.map(({ row }) => row.at),
    known.map(({ cost }) => cost.usd),
    known.map(({ cost }) => cost.source),
    known.map(({ cost }) => cost.priceVersion),
    known.map(({ cost }) => cost.cacheSavingsUsd),
  ];
  const { rows: differences }: QueryResult<Difference> = await client.query(
    settleStatement({ dryRun, first, last }),
    columns,
  );
  if (!dryRun) await correctTotals(client, differences.flatMap(correctionsOf));
  return {
    ...counts,
    changed: differences.reduce((sum, { changed }) => sum + changed, 0),
    afterUsd: differences.reduce((sum, { difference }) => sum + difference, beforeUsd),
  };
}

/** What became different in calls that metrics do not tell apart. Money in USD. */
interface Difference {
  readonly operation: string | null;
  readonly provider: string;
  readonly model: string;
  readonly service: string | null;
  readonly changed: number;
  readonly difference: number;
  /** Of calls that are in the totals: by how much they cost and saved more, and how many had no price before. */
  readonly cost: number;
  readonly savings: number;
  readonly priced: number;
}

function correctionsOf({
  operation,
  provider,
  model,
  service,
  cost,
  savings,
  priced,
}: Difference): Correction[] {
  const attributes = {
    ...(operation === null ? {} : { [CALL_OPERATION]: operation }),
    [CALL_PROVIDER]: provider,
    [CALL_MODEL]: model,
    ...(service === null ? {} : { [SERVICE]: service }),
  };
  return [
    { metric: LLM_COST.name, attributes, by: cost },
    { metric: LLM_CACHE_SAVINGS.name, attributes, by: savings },
    { metric: LLM_UNPRICED.name, attributes, by: -priced },
  ];
}

interface StatementParts {
  readonly dryRun: boolean;
  readonly first: string;
  readonly last: string;
}

/**
 * Savings of nothing and none are the same. What has the same cost keeps the version it was found with.
 */
function settleStatement({ dryRun, first, last }: StatementParts): string {
  const different = `
    WITH priced AS (
      SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::numeric[], $4::text[], $5::text[], $6::numeric[])
        AS given(id, at, cost, source, version, savings)
    ), different AS (
      SELECT priced.*, r.operation, r.provider, r.model, r.service, ${COUNTED} AS counted,
        priced.cost - coalesce(${STORED_COST}, 0) AS difference,
        greatest(priced.savings, 0) - greatest(r.cache_savings_usd, 0) AS saved,
        ${STORED_COST} IS NULL AND ${toSql(BILLED)} AS unpriced
      FROM ${CALLS} r JOIN priced ON r.id = priced.id AND r.timestamp = priced.at
      WHERE r.timestamp BETWEEN ${escapeLiteral(first)}::timestamptz AND ${escapeLiteral(last)}::timestamptz
        AND (${STORED_COST} IS DISTINCT FROM priced.cost OR coalesce(r.cache_savings_usd, 0) <> coalesce(priced.savings, 0))
    )`;
  const totals = `SELECT operation, provider, model, service, count(*)::int AS changed, sum(difference)::float8 AS difference,
      coalesce(sum(difference) FILTER (WHERE counted), 0)::float8 AS cost,
      coalesce(sum(saved) FILTER (WHERE counted), 0)::float8 AS savings,
      (count(*) FILTER (WHERE counted AND unpriced))::int AS priced
    FROM different GROUP BY 1, 2, 3, 4`;
  if (dryRun) return `${different} ${totals}`;
  return `${different}, stored AS (
      UPDATE ${CALLS} r
      SET cost_usd = CASE WHEN different.cost < ${COST_USD_LIMIT} THEN different.cost END,
        cost_exact_usd = CASE WHEN different.cost < ${COST_USD_LIMIT} THEN nullif(different.cost, round(different.cost, ${COST_DECIMALS})) ELSE different.cost END,
        cost_source = different.source, price_version = left(different.version, 50),
        cache_savings_usd = different.savings
      FROM different
      WHERE r.id = different.id AND r.timestamp = different.at
        AND r.timestamp BETWEEN ${escapeLiteral(first)}::timestamptz AND ${escapeLiteral(last)}::timestamptz
      RETURNING r.timestamp
    ), marked AS (
      INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
      SELECT '${llmCall.name}', array_agg(DISTINCT ${TOUCHED_MINUTE}) FROM stored AS r HAVING count(*) > 0
    ) ${totals}`;
}

function added(totals: RepriceTotals, rows: readonly Row[], batch: Settled): RepriceTotals {
  return {
    rows: totals.rows + rows.length,
    changed: totals.changed + batch.changed,
    reported: totals.reported + batch.reported,
    unpriced: totals.unpriced + batch.unpriced,
    beforeUsd: totals.beforeUsd + batch.beforeUsd,
    afterUsd: totals.afterUsd + batch.afterUsd,
    reached: totals.reached,
  };
}

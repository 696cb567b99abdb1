// What a view of history costs as the rows grow that are stored.
import { Pool } from 'pg';
import type { Lend } from '../../src/collector/sinks/postgres/connect/lend.ts';
import { createHistory } from '../../src/collector/sinks/postgres/history/history.ts';
import { Rollup } from '../../src/collector/sinks/postgres/rollup/rollup.ts';
import { migrate } from '../../src/collector/sinks/postgres/schema/migrate.ts';
import { parseHistoryQuery } from '../../src/core/history/parameters.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { DAYS, fillTables } from '../history-rows.ts';
import { least, round } from '../measure.ts';
import { type Curve, type Line, seriesOf } from './curve.ts';

const STEPS = [1e5, 3e5, 1e6, 3e6, 1e7];
/** A step that would not be done by then is left out. */
const TIME_MAX_MS = 6 * MINUTE_MS;
const ASKED = 7;
const TABLE = 'request_metrics';
const BYTES_PER_MB = 1e6;

const VIEWS = {
  all: { signal: 'request', measure: 'p95' },
  one: { signal: 'request', measure: 'p95', group_by: 'endpoint' },
  two: { signal: 'request', measure: 'p95', endpoint: '/api/resources/3/:id', department: 'sales' },
} as const;
const BUDGETS: readonly Line[] = [
  { name: 'budget, one dimension', at: 40 },
  { name: 'budget, two', at: 150 },
];

type Step = Readonly<Record<keyof typeof VIEWS, number>> & {
  readonly x: number;
  readonly megabytes: number;
  readonly tookMs: number;
};

export async function rowsCurve(): Promise<Curve> {
  const server = await startPostgres();
  try {
    const [steps, beganMs]: [Step[], number] = [[], performance.now()];
    for (const x of STEPS) {
      const last = steps.at(-1);
      const neededMs = last === undefined ? 0 : (last.tookMs * x) / last.x;
      if (performance.now() - beganMs + neededMs > TIME_MAX_MS) break;
      steps.push(await measured(server, x));
    }
    return curveOf(steps);
  } finally {
    await server.stop();
  }
}

async function measured(server: TestPostgres, rows: number): Promise<Step> {
  const [beganMs, nowMs] = [performance.now(), Date.now()];
  const { PGHOST = '', PGPORT, PGUSER = '', PGDATABASE = '' } = (await server.createDatabase()).env;
  const pool = new Pool({ host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE, max: 2 });
  const lend: Lend = async (work) => {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  };
  try {
    await lend(migrate);
    await fillTables(pool, { rows, nowMs, tables: [TABLE] });
    await new Rollup({ lend, now: () => nowMs, retentionMs: () => 400 * DAY_MS }).catchUp();
    await pool.query('VACUUM ANALYZE');
    const ask = (view: Readonly<Record<string, string>>) => msOf(lend, { ...view, from: `-${DAYS}d` }, nowMs);
    return {
      x: rows,
      all: await ask(VIEWS.all),
      one: await ask(VIEWS.one),
      two: await ask(VIEWS.two),
      megabytes: await megabytesOf(pool),
      tookMs: performance.now() - beganMs,
    };
  } finally {
    await pool.end();
  }
}

async function msOf(
  lend: Lend,
  parameters: Readonly<Record<string, string>>,
  nowMs: number,
): Promise<number> {
  const history = createHistory(lend);
  const times: number[] = [];
  // The first one fills caches.
  for (let asked = 0; asked <= ASKED; asked++) {
    const beganMs = performance.now();
    await history(parseHistoryQuery(new URLSearchParams(parameters), nowMs));
    if (asked > 0) times.push(performance.now() - beganMs);
  }
  return least(times);
}

/** Of rows, indexes and rollups. */
async function megabytesOf(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ bytes: number }>(
    `SELECT sum(pg_total_relation_size(oid))::float8 AS bytes FROM pg_class
     WHERE relnamespace = 'enterprise'::regnamespace AND relkind = 'r'`,
  );
  return (rows[0]?.bytes ?? 0) / BYTES_PER_MB;
}

function curveOf(steps: readonly Step[]): Curve {
  return {
    title: `Rows: requests of ${DAYS} days in Postgres, with their rollups`,
    x: 'rows',
    panels: [
      {
        y: `a view of ${DAYS} days, least of ${ASKED}, ms`,
        series: [
          seriesOf('all', steps, ({ all }) => all),
          seriesOf('by route', steps, ({ one }) => one),
          seriesOf('route and department', steps, ({ two }) => two),
        ],
        budgets: BUDGETS,
      },
      { y: 'on disk, MB', series: [seriesOf('disk', steps, ({ megabytes }) => megabytes)] },
    ],
    limit: limitOf(steps),
  };
}

function limitOf(steps: readonly Step[]): string {
  const most = steps.at(-1);
  const [one = NO_BUDGET, two = NO_BUDGET] = BUDGETS;
  const over = steps.find((step) => step.two > two.at || step.one > one.at);
  const bytesPerRow = ((most?.megabytes ?? 0) * BYTES_PER_MB) / (most?.x ?? 1);
  const disk = `The disk is next: ${round(bytesPerRow)} bytes a row with indexes and rollups, bounded by age and, where it is set, by \`NERVECENTER_STORAGE_MAX_BYTES\`.`;
  const left = STEPS.filter((x) => x > (most?.x ?? 0)).map((x) => x.toLocaleString('en'));
  const end =
    left.length === 0
      ? ''
      : ` Not measured here: ${new Intl.ListFormat('en').format(left)} rows, which take longer than ${TIME_MAX_MS / MINUTE_MS} minutes to make, to roll up and to ask.`;
  if (over === undefined)
    return `no view is over its budget up to ${most?.x.toLocaleString('en')} rows. ${disk}${end}`;
  const which =
    over.one > one.at
      ? `a view by one dimension, ${round(over.one)} ms of ${one.at}`
      : `a view by two dimensions, ${round(over.two)} ms of ${two.at}`;
  return `the time of ${which}, at ${over.x.toLocaleString('en')} rows (${round(over.tookMs / SECOND_MS)} s to make and roll up). ${disk}${end}`;
}

const NO_BUDGET: Line = { name: '', at: Number.POSITIVE_INFINITY };

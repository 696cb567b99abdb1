import type { PoolClient } from 'pg';
import type { AlertState } from '../../../core/alerts/alert-state.ts';
import type { AlertRule, Webhook } from '../../../core/alerts/rule.ts';
import type {
  AlertChanges,
  AlertEvent,
  AlertEventsQuery,
  AlertStore,
  StoredAlerts,
  StoredInstance,
} from '../../../core/alerts/stored-alerts.ts';
import { parseAlertRule } from '../../alerts/parse-rule.ts';
import type { Lend } from './connect/lend.ts';

/** Any number that nobody else takes: one collector at a time asks for the seat. */
const SEAT_LOCK = 7_215_016;
const RULES_READ_MAX = 1000;
const INSTANCES_READ_MAX = 20_000;
const DELIVERIES_READ_MAX = 1000;
/** What the history of alerts keeps; the oldest goes first. */
const EVENTS_KEPT_MAX = 10_000;
const EVENTS_KEPT_DAYS = 400;

/**
 * Rules, states, history and deliveries of alerts in the tables of migration 016.
 *
 * @param asking for what viewers ask, @default the same
 */
export function createAlertStore(lend: Lend, asking: Lend = lend): AlertStore {
  return {
    enter: (holder, seatMs) =>
      transaction(lend, async (client) => {
        await client.query(`SELECT pg_advisory_xact_lock($1)`, [SEAT_LOCK]);
        const seated = await takeSeat(client, holder, seatMs);
        return { seated, stored: await readStored(client) };
      }),
    leave: (holder) => run(lend, `DELETE FROM enterprise.nervecenter_alert_seat WHERE holder = $1`, [holder]),
    save: (holder, changes) =>
      transaction(lend, async (client) => {
        // Nobody takes the seat until it is done.
        const { rowCount } = await client.query(
          `SELECT FROM enterprise.nervecenter_alert_seat WHERE holder = $1 FOR SHARE`,
          [holder],
        );
        if (rowCount === 1) await saveChanges(client, changes);
        return rowCount === 1;
      }),
    settle: (id) => run(lend, `DELETE FROM enterprise.nervecenter_alert_deliveries WHERE id = $1`, [id]),
    saveRule: (rule, rulesMax) => transaction(lend, (client) => saveRule(client, rule, rulesMax)),
    deleteRule: (id) => lend(async (client) => (await client.query(DELETE_RULE, [id])).rowCount === 1),
    silence: (rule, untilMs) =>
      untilMs === null
        ? run(lend, `DELETE FROM enterprise.nervecenter_alert_silences WHERE rule = $1`, [rule])
        : run(
            lend,
            `INSERT INTO enterprise.nervecenter_alert_silences (rule, until) VALUES ($1, $2)
             ON CONFLICT (rule) DO UPDATE SET until = EXCLUDED.until`,
            [rule, new Date(untilMs)],
          ),
    events: (query) => readEvents(asking, query),
  };
}

/** One at a time on all collectors: who counts before another has added one would pass the bound. */
async function saveRule(client: PoolClient, rule: AlertRule, rulesMax: number): Promise<boolean> {
  await client.query(`SELECT pg_advisory_xact_lock($1)`, [SEAT_LOCK]);
  const { rowCount } = await client.query(
    `INSERT INTO enterprise.nervecenter_alert_rules (id, definition)
     SELECT $1, $2 WHERE (SELECT count(*) FROM enterprise.nervecenter_alert_rules WHERE id <> $1) < $3
     ON CONFLICT (id) DO UPDATE SET definition = EXCLUDED.definition, updated_at = now()`,
    [rule.id, JSON.stringify(rule), rulesMax],
  );
  return rowCount === 1;
}

const DELETE_RULE = `DELETE FROM enterprise.nervecenter_alert_rules WHERE id = $1`;

async function run(lend: Lend, sql: string, values: unknown[]): Promise<void> {
  await lend((client) => client.query(sql, values));
}

function transaction<T>(lend: Lend, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return lend(async (client) => {
    await client.query('BEGIN');
    try {
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}); // The first error says more.
      throw error;
    }
  });
}

async function takeSeat(client: PoolClient, holder: string, seatMs: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO enterprise.nervecenter_alert_seat AS seat (holder, seen_at) VALUES ($1, now())
     ON CONFLICT (only_one) DO UPDATE SET holder = EXCLUDED.holder, seen_at = EXCLUDED.seen_at
     WHERE seat.holder = EXCLUDED.holder OR seat.seen_at < now() - $2 * interval '1 millisecond'`,
    [holder, seatMs],
  );
  return rowCount === 1;
}

interface StateRow {
  readonly rule: string;
  readonly group_value: string;
  readonly state: AlertState;
  readonly since: Date;
  readonly value: number | null;
  readonly level: number;
  readonly peak: number;
  readonly notified: number;
}

async function readStored(client: PoolClient): Promise<StoredAlerts> {
  const rules = await client.query<{ definition: unknown }>(
    `SELECT definition FROM enterprise.nervecenter_alert_rules ORDER BY id LIMIT ${RULES_READ_MAX}`,
  );
  const silences = await client.query<{ rule: string; until: Date }>(
    `SELECT rule, until FROM enterprise.nervecenter_alert_silences LIMIT ${RULES_READ_MAX}`,
  );
  const states = await client.query<StateRow>(
    `SELECT rule, group_value, state, since, value, level, peak, notified
     FROM enterprise.nervecenter_alert_states LIMIT ${INSTANCES_READ_MAX}`,
  );
  const deliveries = await client.query<{ id: string; webhook: Webhook; body: string }>(
    `SELECT id, webhook, body FROM enterprise.nervecenter_alert_deliveries ORDER BY made_at LIMIT ${DELIVERIES_READ_MAX}`,
  );
  return {
    rules: rules.rows.flatMap(({ definition }): AlertRule[] => {
      // One that a later version wrote in another shape is not ours to judge.
      const { rule } = parseAlertRule(definition);
      return rule === undefined ? [] : [rule];
    }),
    silences: new Map(silences.rows.map(({ rule, until }) => [rule, until.getTime()])),
    instances: states.rows.map(
      ({ group_value: group, since, ...row }): StoredInstance => ({
        ...row,
        group,
        sinceMs: since.getTime(),
      }),
    ),
    instancesComplete: states.rows.length < INSTANCES_READ_MAX,
    deliveries: deliveries.rows,
  };
}

async function saveChanges(
  client: PoolClient,
  { instances, gone, events, deliveries }: AlertChanges,
): Promise<void> {
  await client.query(
    `DELETE FROM enterprise.nervecenter_alert_states AS s USING unnest($1::text[], $2::text[]) AS g(rule, group_value)
     WHERE s.rule = g.rule AND s.group_value = g.group_value`,
    [gone.map(({ rule }) => rule), gone.map(({ group }) => group)],
  );
  await client.query(
    `INSERT INTO enterprise.nervecenter_alert_states (rule, group_value, state, since, value, level, peak, notified)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::float8[], $6::int[], $7::int[], $8::int[])
     ON CONFLICT (rule, group_value) DO UPDATE SET state = EXCLUDED.state, since = EXCLUDED.since, value = EXCLUDED.value,
       level = EXCLUDED.level, peak = EXCLUDED.peak, notified = EXCLUDED.notified`,
    [
      instances.map(({ rule }) => rule),
      instances.map(({ group }) => group),
      instances.map(({ state }) => state),
      instances.map(({ sinceMs }) => new Date(sinceMs)),
      instances.map(({ value }) => value),
      instances.map(({ level }) => level),
      instances.map(({ peak }) => peak),
      instances.map(({ notified }) => notified),
    ],
  );
  await addEvents(client, events);
  await client.query(
    `INSERT INTO enterprise.nervecenter_alert_deliveries (id, webhook, body)
     SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::text[]) ON CONFLICT DO NOTHING`,
    [
      deliveries.map(({ id }) => id),
      deliveries.map(({ webhook }) => JSON.stringify(webhook)),
      deliveries.map(({ body }) => body),
    ],
  );
}

async function addEvents(client: PoolClient, events: readonly AlertEvent[]): Promise<void> {
  if (events.length === 0) return;
  await client.query(
    `INSERT INTO enterprise.nervecenter_alert_events (id, at, since, rule, name, severity, group_value, change, level, value)
     SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::float8[])
     ON CONFLICT DO NOTHING`,
    [
      events.map(({ id }) => id),
      events.map(({ at_ms }) => new Date(at_ms)),
      events.map(({ since_ms }) => new Date(since_ms)),
      events.map(({ rule }) => rule),
      events.map(({ name }) => name),
      events.map(({ severity }) => severity),
      events.map(({ group }) => group),
      events.map(({ change }) => change),
      events.map(({ level }) => level),
      events.map(({ value }) => value),
    ],
  );
  await client.query(
    `DELETE FROM enterprise.nervecenter_alert_events WHERE at < now() - interval '${EVENTS_KEPT_DAYS} days'
       OR at < (SELECT at FROM enterprise.nervecenter_alert_events ORDER BY at DESC OFFSET ${EVENTS_KEPT_MAX} LIMIT 1)`,
  );
}

function readEvents(lend: Lend, { fromMs, toMs, limit }: AlertEventsQuery): Promise<readonly AlertEvent[]> {
  return lend(async (client) => {
    const { rows } = await client.query<Omit<AlertEvent, 'since_ms' | 'at_ms'> & { since: Date; at: Date }>(
      `SELECT id, rule, name, severity, group_value AS "group", change, level, value, since, at
       FROM enterprise.nervecenter_alert_events WHERE at >= $1 AND since < $2 ORDER BY at DESC, id LIMIT $3`,
      [new Date(fromMs), new Date(toMs), limit],
    );
    return rows.map(({ since, at, ...row }) => ({ ...row, since_ms: since.getTime(), at_ms: at.getTime() }));
  });
}

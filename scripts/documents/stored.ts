// What docs/privacy.md says is stored: from the schema as migrations make it, so that a table or a column nobody has looked at
// stops the page from being written, and the test that it is up to date.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIGNALS } from '../../src/core/signals/index.ts';
import { packageRoot } from '../../src/platform/paths.ts';

/** What a table is for, besides those with a row per event. */
const TABLES: Readonly<Record<string, string>> = {
  cache_metrics: 'look-ups of caches, counted per minute',
  llm_call_metrics: 'one row per model call: model, tokens, cost, times; never a prompt or an answer',
  rag_metrics: 'one row per RAG query: stages, times, scores; of the query its hash only',
  request_metrics: 'one row per HTTP request: route template, method, status, time',
  system_metrics: 'CPU, memory, disks and network of the machine, of processes by name of the service',
  ws_session_metrics: 'one row per WebSocket session: path template, counts, time',
  spans: 'received spans and those of an app’s own: names, times, attributes that are names or numbers',
  rollup_by_minute: 'rows added up, by what `rollup_kind` and `rollup_value` number',
  rollup_by_hour: 'the same; by user as well',
  rollup_by_day: 'the same; by user as well',
  rollup_kind: 'what rows are added up by',
  rollup_sum: 'what is added up',
  rollup_value: 'routes, models, departments, users that rows are added up by',
  totals:
    'counters since the beginning, by the labels of metrics: of ours never a user, of an app’s own what it says',
  nervecenter_access_tokens: 'named tokens: name, role, digest, last use; never the token',
  nervecenter_ended_sessions: 'sessions that were logged out, by their ids',
  nervecenter_alert_deliveries: 'webhooks that are being delivered: address and text',
  nervecenter_alert_events: 'when alerts began and ended, and of what group',
  nervecenter_alert_rules: 'rules made in the dashboard, with the addresses of their webhooks',
  nervecenter_alert_seat: 'which collector looks after alerts',
  nervecenter_alert_silences: 'which rules are silent',
  nervecenter_alert_states: 'which alerts hold, and of what group',
  nervecenter_batches: 'which batches are stored',
  nervecenter_migrations: 'which migrations were applied',
  nervecenter_rollup_pending: 'which minutes are to be added up again',
  nervecenter_rollup_state: 'how far rows are added up',
  nervecenter_senders: 'the last batch of each process, and digests of requests by OTLP',
  nervecenter_user_key: 'the key of the [hashes](#users-by-hash), where one was made',
  nervecenter_window: 'figures of the last hour, by the labels of metrics',
};

/** Columns that tell of a person, or may. */
const PERSONAL: readonly string[] = [
  'attributes',
  'department',
  'error_message',
  'events',
  'group_value',
  'user_email',
  'value',
];
/** Of these tables nothing of a `value` or `attributes` is a person's but where the row above says so. */
const IMPERSONAL: readonly string[] = [
  'system_metrics',
  'nervecenter_alert_events',
  'nervecenter_alert_states',
];
/** Of tables that are no rows of a signal: how long what is in them stays. */
const KEPT: Readonly<Record<string, string>> = {
  nervecenter_alert_deliveries: 'until delivered or given up',
  nervecenter_alert_events: '400 days, at most 10,000',
  nervecenter_alert_states: 'while it holds',
  nervecenter_batches: '7 days',
  nervecenter_senders: '7 days; digests an hour',
  nervecenter_ended_sessions: 'until their cookies have expired',
  nervecenter_access_tokens: 'until revoked',
  nervecenter_window: 'an hour',
  rollup_by_minute: 'as the rows that it adds up',
  rollup_by_hour: 'as the rows that it adds up',
  rollup_by_day: 'as the rows that it adds up',
  rollup_value: 'as long as what it names',
};
const STAYS = 'as long as the database';

/** One row per table of the schema. @throws Error for a table that is not described. */
export function storedTables(): string {
  const schema = readFileSync(join(packageRoot(), 'migrations', 'schema.sql'), 'utf8');
  const tables = [...schema.matchAll(/^CREATE TABLE enterprise\.(\w+) \(\n(.*?)^\)/gms)];
  const rows = tables.map(([, table = '', body = '']) => {
    const about = TABLES[table];
    if (about === undefined) throw new Error(`scripts/documents/stored.ts does not say what ${table} is for`);
    const columns = [...body.matchAll(/^ {4}"?(\w+)"? (?!CONSTRAINT)/gm)]
      .map(([, column = '']) => column)
      .filter((column) => column !== 'CONSTRAINT');
    return `| \`${table}\` | ${about} | ${columnsText(table, columns)} | ${keptText(table)} |`;
  });
  const gone = Object.keys(TABLES).filter((table) => !tables.some(([, name]) => name === table));
  if (gone.length > 0)
    throw new Error(`scripts/documents/stored.ts tells of tables that are not there: ${gone.join(', ')}`);
  return ['| table | what | columns, **of people** | kept |', '|---|---|---|---|', ...rows].join('\n');
}

function columnsText(table: string, columns: readonly string[]): string {
  const numbered = columns.filter((column) => /^sum_\d+$/.test(column)).length;
  return columns
    .filter((column) => !/^sum_(?!1$)\d+$/.test(column))
    .map((column) => (column === 'sum_1' ? `\`sum_1\` to \`sum_${numbered}\`` : named(table, column)))
    .join(', ');
}

function named(table: string, column: string): string {
  const isPersonal = PERSONAL.includes(column) && !(IMPERSONAL.includes(table) && column !== 'group_value');
  return isPersonal ? `**\`${column}\`**` : `\`${column}\``;
}

function keptText(table: string): string {
  const signal = Object.values(SIGNALS).find((one) => one.table === table);
  if (signal !== undefined) return `${signal.retention.days} days (\`${signal.retention.key}\`)`;
  return KEPT[table] ?? STAYS;
}

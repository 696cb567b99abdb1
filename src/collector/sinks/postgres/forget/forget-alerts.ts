import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { type AlertRule, NAME_LENGTH_MAX } from '../../../../core/alerts/rule.ts';
import { MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import { parseAlertRule } from '../../../alerts/parse-rule.ts';
import { changed, FORGOTTEN, type ForgetOptions, quotedIn, type Statement } from './forget-statement.ts';

/** What alerts by user said. A state without its group would be another's, and finds itself again. */
const ALERTS: readonly Statement[] = [
  {
    table: 'nervecenter_alert_states',
    where: 'group_value = ANY ($1)',
    change: 'DELETE FROM enterprise.nervecenter_alert_states',
  },
  {
    table: 'nervecenter_alert_events',
    where: `(group_value = ANY ($1) OR ${quotedIn('name')})`,
    change: `UPDATE enterprise.nervecenter_alert_events
      SET group_value = CASE WHEN group_value = ANY ($1) THEN '${FORGOTTEN}' ELSE group_value END,
        name = CASE WHEN ${quotedIn('name')} THEN '${FORGOTTEN}' ELSE name END`,
  },
  {
    table: 'nervecenter_alert_deliveries',
    where: quotedIn('body'),
    change: 'DELETE FROM enterprise.nervecenter_alert_deliveries',
  },
];
/** A round that is under way as states are deleted may write them again; the next one finds that they are gone. */
const ROUNDS = 2;
const LOOK_MS = 100;
const ROUND_MS_MAX = MINUTE_MS;

export interface ForgottenAlerts {
  readonly counts: Readonly<Record<string, number>>;
  /** Rules that named the user, by their ids: they watch nobody from now on, and are switched off. */
  readonly rules: readonly string[];
  /** False where a collector has them in memory, and was not seen to look at what is stored. */
  readonly settled: boolean;
}

/** Takes a user out of what is known of alerts, also where a collector judges them meanwhile. */
export async function forgetInAlerts(client: ClientBase, options: ForgetOptions): Promise<ForgottenAlerts> {
  const counts: Record<string, number> = {};
  const rules = await forgetInRules(client, options);
  const forget = async () => {
    for (const statement of ALERTS) {
      const { table } = statement;
      counts[table] = (counts[table] ?? 0) + (await changed(client, statement, options));
    }
  };
  await forget();
  let settled = true;
  for (let round = 0; round < ROUNDS && settled && !options.dryRun; round++) {
    settled = await nextRound(client, options.alertIntervalMs);
    await forget();
  }
  return { counts: { nervecenter_alert_rules: rules.length, ...counts }, rules, settled };
}

/** Rules about one user say so in their filters, or in their names. */
async function forgetInRules(client: ClientBase, options: ForgetOptions): Promise<string[]> {
  const { rows } = await client.query<{ id: string; definition: unknown }>(
    'SELECT id, definition FROM enterprise.nervecenter_alert_rules ORDER BY id',
  );
  const found: string[] = [];
  for (const { id, definition } of rows) {
    const { rule } = parseAlertRule(definition);
    if (rule === undefined || !isAbout(rule, options.names)) continue;
    found.push(id);
    if (options.dryRun) continue;
    await client.query(
      'UPDATE enterprise.nervecenter_alert_rules SET definition = $2, updated_at = now() WHERE id = $1',
      [id, JSON.stringify(forgottenIn(rule, options.names))],
    );
  }
  return found;
}

/** Whether a rule names the user in a filter or in its name. */
export function isAbout(rule: AlertRule, names: readonly string[]): boolean {
  return isFiltered(rule, names) || withoutNames(rule.name, names) !== rule.name;
}

function isFiltered({ condition }: AlertRule, names: readonly string[]): boolean {
  return condition.kind !== 'health' && names.includes(condition.filters['user'] ?? '');
}

function forgottenIn(rule: AlertRule, names: readonly string[]): AlertRule {
  const { condition } = rule;
  const named = { ...rule, name: withoutNames(rule.name, names).slice(0, NAME_LENGTH_MAX) };
  if (condition.kind === 'health' || !isFiltered(rule, names)) return named;
  const filters = { ...condition.filters, user: FORGOTTEN };
  return { ...named, enabled: false, condition: { ...condition, filters } };
}

/** As `quotedIn` finds them. */
function withoutNames(text: string, names: readonly string[]): string {
  return names
    .filter((name) => name.includes('@') || name.startsWith('user-'))
    .reduce((left, name) => left.replaceAll(name, FORGOTTEN), text);
}

/** Waits until whoever judges alerts has looked at what is stored once more. @returns false where that does not come */
async function nextRound(client: ClientBase, intervalMs: number): Promise<boolean> {
  const before = await seenAt(client, intervalMs);
  if (before === null) return true;
  const roundMs = Math.min(3 * intervalMs + 5 * SECOND_MS, ROUND_MS_MAX);
  for (const endsAt = performance.now() + roundMs; performance.now() < endsAt; await sleep(LOOK_MS)) {
    const now = await seenAt(client, intervalMs);
    if (now !== before) return true;
  }
  return false;
}

/** When a collector took the seat of those who judge, or came back to it; `null`: nobody has it. */
async function seenAt(client: ClientBase, intervalMs: number): Promise<string | null> {
  const { rows } = await client.query<{ seen_at: string }>(
    `SELECT seen_at::text AS seen_at FROM enterprise.nervecenter_alert_seat
     WHERE seen_at > now() - $1 * interval '1 millisecond'`,
    [Math.max(3 * intervalMs, MINUTE_MS / 2)],
  );
  return rows[0]?.seen_at ?? null;
}

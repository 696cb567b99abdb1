import { type AlertCondition, type AlertRule, limitsOf, type WebhookFormat } from '../../core/alerts/rule.ts';
import { HISTORY } from '../../core/history/catalogue.ts';

/** What somebody is told. */
export interface AlertNotice {
  /** The same at every try, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly kind: 'firing' | 'resolved' | 'test';
  readonly rule: AlertRule;
  /** The value of the dimension the rule is grouped by, empty for rows without one. */
  readonly group: string;
  readonly value: number | null;
  /** How many limits are reached, from 1; 0 when resolved. */
  readonly level: number;
  readonly atMs: number;
  readonly service: string;
}

/** The body for a webhook: JSON as documented, or what Slack's incoming webhooks (and Mattermost's) take. */
export function webhookBody(notice: AlertNotice, format: WebhookFormat): string {
  return JSON.stringify(format === 'slack' ? slackBody(notice) : jsonBody(notice));
}

function jsonBody(notice: AlertNotice): object {
  const { id, kind, rule, group, value, atMs, service } = notice;
  const { condition, severity, name } = rule;
  return {
    version: 1,
    id,
    status: kind,
    rule: { id: rule.id, name, severity },
    group: groupOf(condition, group),
    value,
    unit: unitOf(condition),
    threshold: limitReached(notice),
    level_percent: percentReached(notice),
    service,
    at: new Date(atMs).toISOString(),
    summary: summaryOf(notice),
  };
}

const SLACK_SIGN: Readonly<Record<AlertNotice['kind'], string>> = {
  firing: ':rotating_light:',
  resolved: ':white_check_mark:',
  test: ':wave:',
};

/** Slack finds no links and no channels in the text; Mattermost is not asked. */
function slackBody(notice: AlertNotice): object {
  const text = `${SLACK_SIGN[notice.kind]} ${summaryOf(notice, asCode)}`;
  return { text, parse: 'none', link_names: false, unfurl_links: false, unfurl_media: false };
}

/** Names come from telemetry: none of them may become a link, or call a channel, which nothing does that is code. */
function asCode(name: string): string {
  const escaped = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `\`${escaped.replaceAll('`', "'")}\``;
}

const asItIs = (name: string): string => name;

/** No name ends the line, or turns what follows around. */
function onOneLine(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

/** One line for people. @param as how names stand in it. */
function summaryOf(notice: AlertNotice, as: (name: string) => string = asItIs): string {
  const { kind, value } = notice;
  const named = (name: string) => as(onOneLine(name));
  const rule = { ...notice.rule, name: named(notice.rule.name) };
  const [group, service] = [notice.group === '' ? 'none' : named(notice.group), named(notice.service)];
  const { condition } = rule;
  const where =
    condition.kind !== 'health' && condition.group_by !== null ? ` (${condition.group_by} ${group})` : '';
  const head = `${kind.toUpperCase()} [${rule.severity}] ${rule.name}${where} at ${service}`;
  if (kind === 'test') return `${head}: this is a test, nothing happened.`;
  if (condition.kind === 'health') return `${head}: ${condition.issue}`;
  const now = value === null ? 'no data' : `${figure(value)} ${unitOf(condition)}`;
  if (condition.kind === 'budget') {
    const percent = percentReached(notice);
    const reached = percent === null ? '' : `, ${percent} % of the limit reached`;
    return `${head}: ${now} this ${condition.period} of ${figure(condition.limit_usd)} USD${reached}`;
  }
  return `${head}: ${condition.signal} ${condition.measure} over ${condition.window} is ${now} (${condition.comparison} ${figure(condition.threshold)} fires)`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function unitOf(condition: AlertCondition): string {
  if (condition.kind === 'health') return '';
  if (condition.kind === 'budget') return 'USD';
  return HISTORY[condition.signal].measures[condition.measure]?.unit ?? '';
}

function groupOf(condition: AlertCondition, group: string): Readonly<Record<string, string | null>> {
  if (condition.kind === 'health' || condition.group_by === null) return {};
  return { [condition.group_by]: group === '' ? null : group };
}

function limitReached({ rule: { condition }, level }: AlertNotice): number | null {
  if (condition.kind === 'health') return null;
  return limitsOf(condition)[Math.max(level, 1) - 1] ?? null;
}

function percentReached({ rule: { condition }, level }: AlertNotice): number | null {
  return condition.kind === 'budget' ? (condition.levels[level - 1] ?? null) : null;
}

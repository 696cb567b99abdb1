import {
  type AlertCondition,
  type AlertRule,
  BUDGET_LEVELS,
  NAME_LENGTH_MAX,
  WEBHOOKS_MAX,
  type Webhook,
} from '../../core/alerts/rule.ts';
import { HEALTH_ISSUES } from '../../core/health.ts';
import type { Dimension } from '../../core/history/measures.ts';
import { ParameterError } from '../../core/history/parameters.ts';
import { parseDuration } from '../../core/history/time.ts';
import { SIGNAL_NAMES } from '../../core/signals/index.ts';
import { DAY_MS, MINUTE_MS } from '../../core/units.ts';
import { questionOf } from './question.ts';

export type ParsedRule =
  | { readonly rule: AlertRule; readonly problems?: never }
  | { readonly rule?: never; readonly problems: readonly string[] };

const ID = /^[a-z0-9][a-z0-9-]{0,59}$/;
const WINDOW_MAX_MS = 31 * DAY_MS;
const LEVELS_MAX = 5;
const LEVEL_MAX = 1000;
const FILTERS_MAX = 8;
const URL_LENGTH_MAX = 2000;
/** A body of nothing but wrong fields has thousands. */
const PROBLEMS_MAX = 20;

/** Reads one rule of a request or a file. A problem says what was expected and what came; the first ones are told. */
export function parseAlertRule(value: unknown): ParsedRule {
  const fields = new Fields(value, '');
  const rule: AlertRule = {
    id: fields.text('id', ID, '1 to 60 lower case letters, digits and dashes'),
    name: fields.text(
      'name',
      new RegExp(`^[^\\p{Cc}]{1,${NAME_LENGTH_MAX}}$`, 'u'),
      `1 to ${NAME_LENGTH_MAX} characters on one line`,
    ),
    enabled: fields.flag('enabled', true),
    severity: fields.choice('severity', ['warning', 'critical'], 'warning'),
    condition: readCondition(fields.object('condition')),
    for: fields.duration('for', {
      fallback: '0',
      minMs: 0,
      maxMs: DAY_MS,
      expected: '0, or a duration such as 2m, at most 1d',
    }),
    webhooks: readWebhooks(fields),
  };
  fields.refuseOthers();
  if (fields.problems.length === 0) fields.problems.push(...unanswerable(rule.condition));
  return fields.problems.length > 0 ? { problems: fields.problems.slice(0, PROBLEMS_MAX) } : { rule };
}

/** What is wrong with it besides its shape: a measure the signal has not, or a filter. */
function unanswerable(condition: AlertCondition): string[] {
  if (condition.kind === 'health') return [];
  try {
    questionOf(condition, DAY_MS);
    return [];
  } catch (error) {
    if (!(error instanceof ParameterError) && !(error instanceof RangeError)) throw error;
    return [`condition: ${error.message}`];
  }
}

function readCondition(fields: Fields): AlertCondition {
  const kind = fields.choice('kind', ['threshold', 'budget', 'health'], null);
  const condition = CONDITIONS[kind](fields);
  fields.refuseOthers();
  return condition;
}

const CONDITIONS: Readonly<Record<AlertCondition['kind'], (fields: Fields) => AlertCondition>> = {
  threshold: (fields) => ({
    kind: 'threshold',
    signal: fields.choice('signal', SIGNAL_NAMES, null),
    measure: fields.text('measure', /^\w{1,60}$/, 'the name of a measure'),
    ...readRows(fields),
    window: fields.duration('window', {
      fallback: '5m',
      minMs: MINUTE_MS,
      maxMs: WINDOW_MAX_MS,
      expected: 'a duration from 1m to 31d',
    }),
    comparison: fields.choice('comparison', ['above', 'below'], 'above'),
    threshold: fields.number('threshold', { fallback: null, min: -1e15, max: 1e15 }),
    min_count: fields.number('min_count', { fallback: 0, min: 0, max: 1e12 }),
  }),
  budget: (fields) => ({
    kind: 'budget',
    ...readRows(fields),
    period: fields.choice('period', ['hour', 'day', 'month'], null),
    tz: fields.text('tz', /^[\w+/-]{1,60}$/, 'an IANA time zone such as Europe/Berlin', 'UTC'),
    limit_usd: fields.number('limit_usd', { fallback: null, min: 1e-6, max: 1e12 }),
    levels: fields.levels('levels'),
  }),
  health: (fields) => ({ kind: 'health', issue: fields.choice('issue', HEALTH_ISSUES, null) }),
};

function readRows(fields: Fields): { filters: Record<string, string>; group_by: Dimension | null } {
  const groupBy = fields.take('group_by');
  const filters = fields.object('filters', {}).texts(FILTERS_MAX);
  if (groupBy !== undefined && groupBy !== null && typeof groupBy !== 'string')
    fields.refuse('group_by', 'the name of a dimension', groupBy);
  // Which dimensions the signal has is checked with the whole question.
  return { filters, group_by: typeof groupBy === 'string' && groupBy !== '' ? groupBy : null };
}

function readWebhooks(fields: Fields): Webhook[] {
  const list = fields.take('webhooks') ?? [];
  if (!Array.isArray(list) || list.length > WEBHOOKS_MAX) {
    fields.refuse('webhooks', `a list of at most ${WEBHOOKS_MAX}`, list);
    return [];
  }
  return list.map((one: unknown, index): Webhook => {
    const own = new Fields(one, `webhooks[${index}].`, fields.problems);
    const url = own.take('url');
    if (typeof url !== 'string' || !isWebhookUrl(url)) {
      // The address is not repeated: it may hold a secret.
      fields.problems.push(
        `webhooks[${index}].url: expected http://… or https://… without user and password, at most ${URL_LENGTH_MAX} characters.`,
      );
    }
    const format = own.choice('format', ['json', 'slack'], 'json');
    own.refuseOthers();
    return { url: String(url), format };
  });
}

function isWebhookUrl(text: string): boolean {
  if (text.length > URL_LENGTH_MAX || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

interface DurationBounds {
  readonly fallback: string;
  readonly minMs: number;
  readonly maxMs: number;
  readonly expected: string;
}

interface NumberBounds {
  /** `null`: it must be given. */
  readonly fallback: number | null;
  readonly min: number;
  readonly max: number;
}

/** The fields of a JSON object, each taken once; everything wrong with them is kept as a sentence. */
class Fields {
  readonly problems: string[];
  readonly #values: Map<string, unknown>;
  readonly #prefix: string;

  constructor(value: unknown, prefix: string, problems: string[] = []) {
    this.problems = problems;
    this.#prefix = prefix;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject)
      problems.push(`${prefix.slice(0, -1) || 'A rule'}: expected an object, got ${printable(value)}.`);
    this.#values = new Map(isObject ? Object.entries(value) : []);
  }

  take(name: string): unknown {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  refuse(name: string, expected: string, value: unknown): void {
    this.problems.push(`${this.#prefix}${name}: expected ${expected}, got ${printable(value)}.`);
  }

  refuseOthers(): void {
    for (const name of this.#values.keys())
      this.problems.push(`${this.#prefix}${printable(name).slice(1, -1)}: there is no such field.`);
  }

  text(name: string, form: RegExp, expected: string, fallback?: string): string {
    const value = this.take(name) ?? fallback;
    if (typeof value === 'string' && form.test(value)) return value;
    this.refuse(name, expected, value);
    return '';
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.take(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    this.refuse(name, 'true or false', value);
    return fallback;
  }

  choice<T extends string>(
    name: string,
    choices: readonly [T, ...T[]] | readonly T[],
    fallback: T | null,
  ): T {
    const value = this.take(name) ?? fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) this.refuse(name, `one of ${choices.join(', ')}`, value);
    return choice ?? (choices[0] as T);
  }

  number(name: string, { fallback, min, max }: NumberBounds): number {
    const value = this.take(name) ?? fallback;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    this.refuse(name, `a number from ${min} to ${max}`, value);
    return min;
  }

  duration(name: string, { fallback, minMs, maxMs, expected }: DurationBounds): string {
    const value = this.take(name) ?? fallback;
    const ms = value === '0' ? 0 : typeof value === 'string' ? parseDuration(value) : null;
    if (typeof value === 'string' && ms !== null && ms >= minMs && ms <= maxMs) return value;
    this.refuse(name, expected, value);
    return fallback;
  }

  levels(name: string): readonly number[] {
    const value = this.take(name) ?? BUDGET_LEVELS;
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    const levels = list.filter((one) => typeof one === 'number' && one > 0 && one <= LEVEL_MAX) as number[];
    const grows = levels.every((level, index) => index === 0 || level > (levels[index - 1] ?? 0));
    if (levels.length === list.length && grows && list.length > 0 && list.length <= LEVELS_MAX) return levels;
    this.refuse(name, `1 to ${LEVELS_MAX} growing percentages, at most ${LEVEL_MAX}`, value);
    return BUDGET_LEVELS;
  }

  object(name: string, fallback?: object): Fields {
    return new Fields(this.take(name) ?? fallback, `${this.#prefix}${name}.`, this.problems);
  }

  /** All that is left, as texts. */
  texts(max: number): Record<string, string> {
    const entries = [...this.#values].slice(0, max);
    for (const [name, value] of this.#values) {
      if (typeof value !== 'string' || value === '') this.refuse(name, 'a text', value);
    }
    if (this.#values.size > max) this.problems.push(`${this.#prefix.slice(0, -1)}: expected at most ${max}.`);
    return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
  }
}

/** A received value as it may be shown: short, on one line. */
function printable(value: unknown): string {
  if (value === undefined) return 'nothing';
  const clean = (JSON.stringify(value) ?? '').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { webhookBody } from '../../../src/collector/alerts/message.ts';
import { parseAlertRule } from '../../../src/collector/alerts/parse-rule.ts';
import { ALERT_PRESETS } from '../../../src/collector/alerts/presets.ts';
import { periodStart } from '../../../src/collector/alerts/question.ts';
import { type AlertRule, levelOf } from '../../../src/core/alerts/rule.ts';

const BUDGET = {
  id: 'b',
  name: 'Budget',
  condition: { kind: 'budget', period: 'month', limit_usd: 10, filters: { department: 'sales' } },
};

const ruleOf = (value: unknown): AlertRule => {
  const { rule, problems } = parseAlertRule(value);
  assert.ok(rule, problems?.join());
  return rule;
};

describe('rules of alerts', () => {
  it('read as they were written, presets among them', () => {
    for (const preset of ALERT_PRESETS) assert.deepEqual(ruleOf(JSON.parse(JSON.stringify(preset))), preset);
    assert.equal(new Set(ALERT_PRESETS.map(({ id }) => id)).size, ALERT_PRESETS.length);
  });

  it('refuse a measure that is not one figure', () => {
    const condition = {
      kind: 'threshold',
      signal: 'system',
      measure: 'value',
      filters: { metric: 'cpu_percent' },
      comparison: 'above',
      threshold: 90,
    };
    const { problems } = parseAlertRule({ id: 'cpu', name: 'CPU', condition });
    assert.match(problems?.join() ?? '', /measure: expected one that is one figure/);
    assert.ok(parseAlertRule({ id: 'cpu', name: 'CPU', condition: { ...condition, measure: 'max' } }).rule);
  });

  it('never throw, whatever comes', () => {
    const rule = fc.record({
      id: fc.anything(),
      name: fc.anything(),
      condition: fc.object(),
      webhooks: fc.anything(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), rule), (value) => {
        const { problems } = parseAlertRule(value);
        assert.ok((problems?.length ?? 0) > 0);
      }),
    );
  });

  const wrong: readonly (readonly [string, object, RegExp])[] = [
    ['a time zone nobody knows', { condition: { ...BUDGET.condition, tz: 'Mars/Base' } }, /Mars\/Base/],
    [
      'a dimension the signal has not',
      { condition: { ...BUDGET.condition, group_by: 'stage' } },
      /group_by: expected/,
    ],
    ['levels that do not grow', { condition: { ...BUDGET.condition, levels: [90, 80] } }, /levels: expected/],
    ['a file address', { webhooks: [{ url: 'file:///etc/passwd' }] }, /webhooks\[0\].url: expected http/],
    ['an address with a password', { webhooks: [{ url: 'http://a:b@c/' }] }, /without user and password/],
    ['another field', { threshhold: 1 }, /threshhold: there is no such field/],
    ['a wait of a week', { for: '1w' }, /for: expected 0/],
  ];
  for (const [what, change, expected] of wrong) {
    it(`refuse ${what}`, () => {
      assert.match(parseAlertRule({ ...BUDGET, ...change }).problems?.join(' ') ?? '', expected);
    });
  }

  it('count the levels of a budget that a cost has reached', () => {
    const { condition } = ruleOf(BUDGET);
    const levels = [null, 0, 7.99, 8, 9.5, 10, 1000].map((cost) => levelOf(condition, cost));
    assert.deepEqual(levels, [0, 0, 0, 1, 2, 3, 3]);
  });

  it('begin months and days where the time zone does', () => {
    const at = Date.UTC(2026, 2, 31, 23, 30);
    const iso = (period: 'hour' | 'day' | 'month', tz: string) =>
      new Date(periodStart(period, tz, at)).toISOString();
    assert.equal(iso('month', 'UTC'), '2026-03-01T00:00:00.000Z');
    assert.equal(iso('month', 'Europe/Berlin'), '2026-03-31T22:00:00.000Z');
    assert.equal(iso('day', 'Asia/Kolkata'), '2026-03-31T18:30:00.000Z');
    assert.equal(
      iso('hour', 'Asia/Kolkata'),
      '2026-03-31T23:30:00.000Z'.replace('23:30:00.000', '23:29:59.999'),
    );
  });

  it('are told to Slack without anything it would act on', () => {
    const name = 'Stop <!channel> & <https://evil.example|click> `@all`\u2028 www.evil.example';
    const condition = { ...BUDGET.condition, group_by: 'user' };
    const rule = { ...ruleOf({ ...BUDGET, condition }), name };
    const notice = {
      id: '1',
      kind: 'firing',
      rule,
      group: 'a\r\n@channel [x](http://evil.example)\u202e',
      value: 9,
      level: 1,
      atMs: 0,
      service: 's',
    } as const;
    const { text, parse } = JSON.parse(webhookBody(notice, 'slack'));
    assert.equal(parse, 'none');
    // What is between backticks is code, in which nothing is found.
    assert.equal(
      text.replace(/`[^`]*`/g, '…'),
      ':rotating_light: FIRING [warning] … (user …) at …: 9 USD this month of 10 USD, 80 % of the limit reached',
    );
    assert.doesNotMatch(text, /[<>\p{Cc}\p{Cf}\p{Zl}]/u);
    const { summary } = JSON.parse(webhookBody(notice, 'json'));
    assert.doesNotMatch(summary, /[\p{Cc}\p{Cf}\p{Zl}]/u);
  });
});

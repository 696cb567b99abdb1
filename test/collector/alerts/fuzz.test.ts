import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { readAlertFile } from '../../../src/collector/alerts/file.ts';
import { type AlertNotice, webhookBody } from '../../../src/collector/alerts/message.ts';
import { parseAlertRule } from '../../../src/collector/alerts/parse-rule.ts';
import { ALERT_PRESETS } from '../../../src/collector/alerts/presets.ts';
import { type AlertRule, WEBHOOKS_MAX } from '../../../src/core/alerts/rule.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { parseJson } from '../../../src/core/json.ts';
import { bytesLike, tryAll } from '../../support/fuzz/fuzzing.ts';
import { mutatedJson } from '../../support/fuzz/mutations.ts';

/** Of one rule: what is wrong with it is told in an answer, or in a line of the log. */
const REASON_CHARS_MAX = 8000;
/** Each is a file that is read. */
const FILES_SHARE = 20;

const RULES: readonly object[] = [
  ...ALERT_PRESETS,
  {
    id: 'budget',
    name: 'Budget of sales',
    severity: 'critical',
    for: '5m',
    condition: {
      ...{ kind: 'budget', period: 'month', tz: 'Europe/Berlin', limit_usd: 10, levels: [50, 100] },
      ...{ filters: { department: 'sales' }, group_by: 'model' },
    },
    webhooks: [{ url: 'https://hooks.example.com/secret', format: 'slack' }, { url: 'http://a.example/' }],
  },
];
const BODIES = RULES.map((rule) => Buffer.from(JSON.stringify(rule)));
const folder = mkdtempSync(join(tmpdir(), 'nervecenter-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A rule that can be used, and sent to somebody; or reasons that can be shown. */
function attempt(value: unknown): string {
  const { rule, problems } = parseAlertRule(value);
  if (rule === undefined) {
    const reasons = problems.join(' ');
    assert.ok(problems.length > 0 && reasons.length <= REASON_CHARS_MAX, `${reasons.length} characters`);
    assert.doesNotMatch(reasons, /[\p{Cc}\p{Cs}]/u);
    return 'refused';
  }
  assertUsable(rule);
  return 'a rule';
}

function assertUsable(rule: AlertRule): void {
  assert.ok(rule.webhooks.length <= WEBHOOKS_MAX);
  const notice = { id: 'n', kind: 'test', rule, group: '', value: null, level: 0, atMs: 0, service: 's' };
  for (const { url, format } of rule.webhooks) {
    assert.match(new URL(url).protocol, /^https?:$/);
    JSON.parse(webhookBody(notice as AlertNotice, format));
  }
}

describe('rules of alerts that are not right', () => {
  it('as bytes of a request are refused with reasons', async () => {
    await tryAll(
      bytesLike(BODIES),
      (bytes) => {
        let value: unknown;
        try {
          value = parseJson(bytes.toString());
        } catch (error) {
          assert.ok(error instanceof SyntaxError, String(error));
          return 'no JSON';
        }
        return attempt(value);
      },
      { reached: ['no JSON', 'refused'] },
    );
  });

  it('of thousands of wrong fields are refused with a few reasons', () => {
    const fields = Array.from({ length: 5000 }, (_, index) => [`f${index}`, index]);
    assert.equal(attempt(Object.fromEntries(fields)), 'refused');
  });

  it('of the right form with wrong values are refused with reasons', async () => {
    await tryAll((random) => mutatedJson(random.of(RULES), random), attempt, {
      reached: ['a rule', 'refused'],
    });
  });

  it('in a file name the file, and say what to do', async () => {
    const path = join(folder, 'rules.json');
    const files = [Buffer.from(JSON.stringify({ rules: RULES })), ...BODIES];
    await tryAll(
      bytesLike(files),
      (bytes) => {
        writeFileSync(path, bytes);
        try {
          for (const rule of readAlertFile(path)) assertUsable(rule);
          return 'rules';
        } catch (error) {
          if (!(error instanceof NervecenterError)) throw error;
          assert.equal(error.code, 'NC_CONFIG_INVALID');
          assert.ok(error.message.includes(path) && error.message.length <= REASON_CHARS_MAX);
          return 'refused';
        }
      },
      { reached: ['refused'], share: FILES_SHARE },
    );
  });
});

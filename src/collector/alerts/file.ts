import { readFileSync } from 'node:fs';
import { type AlertRule, RULES_MAX } from '../../core/alerts/rule.ts';
import { NervecenterError } from '../../core/errors.ts';
import { parseJson } from '../../core/json.ts';
import { parseAlertRule } from './parse-rule.ts';

const PROBLEMS_SHOWN_MAX = 5;

/**
 * The rules of `NERVECENTER_ALERTS`: `{"rules": [...]}`, each as the HTTP API takes it. Read once, at the start.
 *
 * @throws NervecenterError `NC_CONFIG_INVALID` naming the rule, what was expected and what came.
 */
export function readAlertFile(path: string | null): AlertRule[] {
  if (path === null) return [];
  const rules: AlertRule[] = [];
  const problems: string[] = [];
  for (const [index, value] of listIn(path).entries()) {
    const { rule, problems: own } = parseAlertRule(value);
    if (rule === undefined) problems.push(...own.map((problem) => `rules[${index}]: ${problem}`));
    else if (rules.some(({ id }) => id === rule.id))
      problems.push(`rules[${index}]: id "${rule.id}" is there twice.`);
    else rules.push(rule);
  }
  if (problems.length > 0) throw invalid(path, problems.slice(0, PROBLEMS_SHOWN_MAX).join(' '));
  return rules;
}

function listIn(path: string): readonly unknown[] {
  let content: unknown;
  try {
    content = parseJson(readFileSync(path, 'utf8'));
  } catch (error) {
    // Never the parser's message: it quotes the file, which may hold the secret of a webhook.
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(path, code === undefined ? 'expected JSON.' : `the file cannot be read (${code}).`);
  }
  const rules = typeof content === 'object' && content !== null && 'rules' in content ? content.rules : null;
  if (Array.isArray(rules) && rules.length <= RULES_MAX) return rules;
  throw invalid(path, `expected {"rules": [...]} with at most ${RULES_MAX} rules.`);
}

function invalid(path: string, what: string): NervecenterError {
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `NERVECENTER_ALERTS (${path}): ${what} Correct the file, or unset it.`,
  );
}

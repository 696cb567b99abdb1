import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { HISTORY } from '../../src/core/history/catalogue.ts';
import { SIGNALS } from '../../src/core/signals/index.ts';
import { builtDashboard } from './support/built-dashboard.ts';

test('the bundle knows every signal, and none of their SQL', async () => {
  const { directory, remove } = await builtDashboard();
  const scripts = globSync('assets/*.js', { cwd: directory }).map((path) =>
    readFileSync(join(directory, path), 'utf8'),
  );
  await remove();
  const text = scripts.join('\n');
  for (const { plural } of Object.values(HISTORY)) assert.ok(text.includes(plural), plural);
  // The table of spans has the name of what is in it.
  for (const { table, words } of Object.values(SIGNALS))
    assert.ok(!text.includes(table === words.plural ? `enterprise.${table}` : table), table);
  assert.ok(!text.includes('CASE WHEN'));
});

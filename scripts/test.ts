// Runs every test file with Node's own runner and closes with the line CI reads: `N passed, N failed`.
// `node scripts/test.ts llm` runs the files whose path contains "llm".
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const FILE_TIMEOUT_MS = 10 * 60 * 1000;
const root = join(import.meta.dirname, '..');
const only = process.argv.slice(2);
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => only.length === 0 || only.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(root, file));

let passed = 0;
let failed = 0;
const stream = run({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS });
stream.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') passed++;
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') failed++;
});
stream.on('end', () => {
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed`);
});
stream.compose(spec).pipe(process.stdout, { end: false });

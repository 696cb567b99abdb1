import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';

const run = promisify(execFile);
const fixtures = join(import.meta.dirname, 'fixtures');
const FRAMEWORKS = ['express', 'express4', 'fastify', 'koa', 'hono'];
const STARTS = [
  ['--require', 'app.cjs'],
  ['--import', 'app.mjs'],
] as const;

for (const [flag, app] of STARTS) {
  for (const framework of FRAMEWORKS) {
    test(`${flag} before ${app}: ${framework} tells its routes and ends by itself`, async () => {
      const { stdout, stderr } = await run(
        process.execPath,
        [flag, join(fixtures, 'preload.ts'), join(fixtures, app), framework],
        { timeout: 60_000 },
      );
      assert.equal(stderr, '');
      const events = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        events.map(({ route, statusCode }) => [route, statusCode]),
        [
          ['/orgs/:org/users/:id', 200],
          ['<unmatched>', 404],
        ],
      );
    });
  }
}

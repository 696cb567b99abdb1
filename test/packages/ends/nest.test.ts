import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { assertSameEnd } from '../../e2e/ends/process-end.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { tried } from '../tried.ts';

describe(`${tried('nest')}, enableShutdownHooks`, () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = reachableTempDir();
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('dies by %s, which it raises again', async (signal) => {
    const app = join(import.meta.dirname, 'nest.cjs');
    const env = {
      PATH: process.env['PATH'],
      HOME: dataDir,
      NERVECENTER_PORT: '0',
      NERVECENTER_DATA_DIR: join(dataDir, 'data'),
    };
    const start = (flags: readonly string[]) =>
      spawn(process.execPath, [...flags, app], { cwd: dataDir, env, stdio: 'pipe' });
    await assertSameEnd(start, { end: { code: null, signal }, sent: signal });
  });
});

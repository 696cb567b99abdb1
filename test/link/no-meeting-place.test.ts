import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { ObservedApp } from '../support/observed-app.ts';

const APP = join(import.meta.dirname, '..', 'e2e', 'fixtures', 'worker.cjs');
const own = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
afterAll(() => rmSync(own, { recursive: true, force: true }));

/** Longer than the path of a socket may be. */
const deep = join(own, 'x'.repeat(120));
mkdirSync(deep);

describe('where no socket can be made for other processes', () => {
  for (const [what, { TMPDIR, reason }] of Object.entries({
    'the temporary directory cannot be written': { TMPDIR: '/proc/nothing', reason: /\(ENOENT\)/ },
    'its path is too long': { TMPDIR: deep, reason: /\(E\w+\)/ },
  })) {
    it(`because ${what}, one line says why and what to do, and the app is observed`, async () => {
      const env = { TMPDIR, NERVECENTER_PORT: String(await freePort()), NERVECENTER_STORAGE: 'off' };
      const app = new ObservedApp(APP, { env });
      try {
        const url = await app.appUrl();
        await app.started();
        await fetch(`${url}/record`);
        await app.snapshotWhen(({ llm }) => llm.total_requests === 1);
        const [line = '', ...more] = app.stderr.match(/^\[nervecenter\].*$/gm) ?? [];
        assert.deepEqual(more, []);
        assert.match(line, /^\[nervecenter\] link: Other processes cannot join this dashboard: /);
        assert.match(line, reason);
        assert.match(line, /Set TMPDIR.*\[NC_SHARING\]$/);
      } finally {
        await app.stop();
      }
    });
  }
});

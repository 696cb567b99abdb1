import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ObservedApp } from '../support/observed-app.ts';

describe('a bad value in an app', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  let app: ObservedApp;
  beforeAll(() => {
    const script = join(cwd, 'app.cjs');
    writeFileSync(
      script,
      `
      const server = require('node:http').createServer((_request, response) => response.end('served'));
      server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
    `,
    );
    app = new ObservedApp(script, { env: { NERVECENTER_PORT: 'nine', NERVECENTER_STORAGE: 'maybe' } });
  });
  afterAll(async () => {
    await app.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  it('leaves the app at work and says so in one line', async () => {
    const url = await app.appUrl();
    assert.equal(await (await fetch(url)).text(), 'served');
    assert.match(app.stdout, /^port \d+\n$/);
    assert.match(app.stderr, /^\[nervecenter\] off: NERVECENTER_PORT: expected .* \[NC_CONFIG_INVALID\]\n$/);
    app.child.kill('SIGTERM');
    assert.deepEqual(await app.end(), { code: null, signal: 'SIGTERM' });
    assert.equal(app.stderr.split('\n').length, 2, app.stderr);
  });
});

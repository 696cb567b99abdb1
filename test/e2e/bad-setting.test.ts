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

describe('a name that no setting has', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  it('is said in one line with the one that was probably meant, and the app is observed', async () => {
    const script = join(cwd, 'app.cjs');
    writeFileSync(
      script,
      `
      const server = require('node:http').createServer((_request, response) => response.end('served'));
      server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
    `,
    );
    const app = new ObservedApp(script, {
      env: {
        NERVECENTER_PROT: 'top-secret',
        NERVECENTER_STORAGE: 'off',
        // As Kubernetes sets them for a service called `nervecenter-collector`.
        NERVECENTER_COLLECTOR_SERVICE_HOST: '10.0.0.1',
        NERVECENTER_COLLECTOR_SERVICE_PORT_HTTP: '9464',
        NERVECENTER_COLLECTOR_PORT: 'tcp://10.0.0.1:9464',
        NERVECENTER_COLLECTOR_PORT_9464_TCP_ADDR: '10.0.0.1',
      },
    });
    try {
      const url = await app.appUrl();
      await app.started();
      const ours = app.stderr.split('\n').filter((line) => line.startsWith('[nervecenter]'));
      assert.deepEqual(ours, [
        '[nervecenter] settings: unknown and without effect: NERVECENTER_PROT (did you mean NERVECENTER_PORT?).',
      ]);
      assert.doesNotMatch(app.stderr, /top-secret/);
      assert.equal(await (await fetch(url)).text(), 'served');
      await app.snapshotWhen(({ api }) => api.requests_total === 1);
    } finally {
      await app.stop();
    }
  });
});

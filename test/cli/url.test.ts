import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { freePort, WITHOUT_OTLP } from '../support/free-port.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { nervecenter } from './command.ts';

const APP = join(import.meta.dirname, '..', 'e2e', 'fixtures', 'worker.cjs');
const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

const running: ObservedApp[] = [];
afterEach(async () => {
  for (const app of running.splice(0)) await app.stop();
});

async function start(script: string, env: Readonly<Record<string, string>>, args?: readonly string[]) {
  // The directory of an app is where it is started; where rows go it says by default only.
  const options = { env: { NERVECENTER_DATA_DIR: '', ...env } };
  const app = new ObservedApp(script, args === undefined ? options : { ...options, args, flags: [] });
  running.push(app);
  await app.started();
  return app;
}

/** What the start notice said, which under a process manager nobody sees. */
function noticed({ stderr }: ObservedApp): string {
  return /^ {2}dashboard +(\S+)$/m.exec(stderr)?.[1] ?? '';
}

interface Link {
  readonly address: string;
  readonly code: string;
}

function linkIn(text: string): Link {
  const [, address = '', code = ''] = /^(.*)\/login#code=(\w+)\n?$/.exec(text) ?? [];
  return { address, code };
}

/** As the login page does. */
async function loginBy({ address, code }: Link): Promise<number> {
  const headers = { origin: address };
  return (await fetch(`${address}/login`, { method: 'POST', headers, body: JSON.stringify({ code }) }))
    .status;
}

const ask = (app: { readonly dataDir: string }, env: Readonly<Record<string, string>>) =>
  nervecenter(['url'], { cwd: app.dataDir, env });

describe('nervecenter url', () => {
  it("prints the address of the app's own dashboard, with what lets in, also where apps share a port", async () => {
    const env = { NERVECENTER_PORT: String(await freePort()) };
    const first = await start(APP, { ...env, OTEL_SERVICE_NAME: 'first' });
    const second = await start(APP, { ...env, OTEL_SERVICE_NAME: 'second' });
    for (const app of [first, second]) {
      const { code, stdout, stderr } = await ask(app, env);
      assert.deepEqual([code, stderr], [0, '']);
      const [printed, told] = [linkIn(noticed(app)), linkIn(stdout)];
      assert.equal(told.address, app.dashboardUrl);
      assert.equal(printed.address, told.address);
      assert.notEqual(printed.code, told.code, 'each opens one session');
      for (const link of [told, printed]) {
        assert.equal(await loginBy(link), 200);
        assert.equal(await loginBy(link), 401);
      }
    }
    assert.notEqual(first.dashboardUrl, second.dashboardUrl);
    await until(async () => (await second.snapshot()).instances.length === 1);
  });

  it('prints no token that an operator chose', async () => {
    const env = { NERVECENTER_PORT: String(await freePort()), NERVECENTER_STORAGE: 'off' };
    const app = await start(APP, { ...env, NERVECENTER_ADMIN_TOKEN: 'a-token-of-the-operator' });
    const { code, stdout } = await ask(app, env);
    assert.deepEqual([code, stdout], [0, `${app.dashboardUrl}/admin/system\n`]);
  });

  it('finds a collector that runs alone from anywhere', async () => {
    const env = { NERVECENTER_PORT: String(await freePort()) };
    const collector = await start(CLI, { ...env, ...WITHOUT_OTLP }, ['collector']);
    const { code, stdout } = await ask({ dataDir: '/' }, env);
    assert.equal(code, 0);
    assert.equal(linkIn(stdout).address, collector.dashboardUrl);
    assert.equal(await loginBy(linkIn(stdout)), 200);
  });

  it('says in one line that none runs, and which others do', async () => {
    const env = { NERVECENTER_PORT: String(await freePort()) };
    const none = await ask({ dataDir: '/' }, env);
    assert.deepEqual([none.code, none.stdout], [1, '']);
    assert.match(
      none.stderr,
      /^nervecenter: No dashboard [^\n.]* or the next ones: start the app, or ask [^\n.]*\. \[NC_UNAVAILABLE\]\n$/,
    );
    const app = await start(APP, { ...env, OTEL_SERVICE_NAME: 'shop' });
    const { code, stdout, stderr } = await ask({ dataDir: '/' }, env);
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(stderr.includes(`${app.dashboardUrl} of shop (process ${app.child.pid})`), stderr);
    assert.doesNotMatch(stderr, /code=/);
  });

  it('needs a port', async () => {
    const { code, stderr } = await ask({ dataDir: '/' }, { NERVECENTER_PORT: '0' });
    assert.equal(code, 1);
    assert.match(stderr, /^nervecenter: NERVECENTER_PORT: expected .*, got "0".*\[NC_CONFIG_INVALID\]\n$/);
  });
});

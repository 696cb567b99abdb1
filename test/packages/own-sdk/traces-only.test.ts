import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { freePort, WITHOUT_OTLP } from '../../support/free-port.ts';
import { ObservedApp, PRELOAD } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { tried } from '../tried.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const APPS = import.meta.dirname;
const CLI = join(ROOT, 'dist', 'cli.js');

describe(`an app with an SDK for traces only: ${tried('tracesOnly')}`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  const script = join(directory, 'traces-only.cjs');
  let collector: ObservedApp;
  let port: string;
  beforeAll(async () => {
    for (const file of ['traces-only.cjs', 'traces-sdk.cjs'])
      copyFileSync(join(APPS, file), join(directory, file));
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    // As with every SDK for traces one for metrics is there, and is asked for.
    const dependencies = { '@opentelemetry/sdk-node': '*', '@opentelemetry/sdk-metrics': '*' };
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'shop', dependencies }));
    port = String(await freePort());
    const env = { NERVECENTER_PORT: port, NERVECENTER_STORAGE: 'off', ...WITHOUT_OTLP };
    collector = new ObservedApp(CLI, { flags: [], args: ['collector'], env });
    await collector.started();
  });
  afterAll(async () => {
    await collector.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const [when, flags] of Object.entries({
    'before the agent': ['--require', join(directory, 'traces-sdk.cjs'), '--require', PRELOAD],
    'after it': ['--require', PRELOAD],
  })) {
    it(`that is started ${when} has no span of ours among its own, and its metrics at /metrics`, async () => {
      const shop = `shop-${flags.length}`;
      const env = { NERVECENTER_PORT: port, NERVECENTER_STORAGE: 'off', OTEL_SERVICE_NAME: shop };
      const socket = join(directory, `${shop}.sock`);
      const app = new ObservedApp(script, { flags, args: [socket], cwd: directory, env });
      try {
        const url = await app.appUrl();
        for (let i = 0; i < 3; i++) assert.equal(await (await fetch(url)).text(), 'ordered');
        await until(() => /joined the dashboard/.test(app.stderr));
        const counted = new RegExp(`^orders_total\\{.*shop="${shop}".*\\} 3$`, 'm');
        await until(async () => counted.test(await (await collector.get('/metrics')).text()));
        assert.deepEqual(app.stdout.match(/^span .*$/gm)?.sort(), [
          ...Array(3).fill('span ipc.connect'),
          ...Array(3).fill('span order'),
        ]);
      } finally {
        await app.stop();
      }
    });
  }
});

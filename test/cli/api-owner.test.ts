import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { nervecenter } from './command.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const APP_SDK = join(ROOT, 'test', 'e2e', 'fixtures', 'app-sdk.cjs');
const PRELOAD = join(ROOT, 'otel.js');

describe('nervecenter doctor says who owns OpenTelemetry’s global API', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  async function owner(requires: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { stdout } = await nervecenter(['doctor'], {
      cwd,
      env: {
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_PORT: '0',
        NODE_OPTIONS: requires.map((file) => `--require ${JSON.stringify(file)}`).join(' '),
        ...env,
      },
    });
    return /^opentelemetry +(.*)$/m.exec(stdout)?.[1] ?? assert.fail(stdout);
  }
  const sends = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };

  it('nobody, and what the app has for it', async () => {
    assert.match(
      await owner([]),
      /^nobody here; @opentelemetry\/api is not installed; nervecenter registers/,
    );
    assert.match(
      await owner([], sends),
      /in the app it will be nervecenter by @opentelemetry\/sdk-node 0\.301\.0/,
    );
    const sdk = join(cwd, 'node_modules', '@sentry', 'node');
    mkdirSync(sdk, { recursive: true });
    writeFileSync(join(sdk, 'package.json'), JSON.stringify({ name: '@sentry/node', version: '10.78.0' }));
    const manifest = { name: 'app', dependencies: { '@sentry/node': '^10', 'dd-trace': '^5' } };
    writeFileSync(join(cwd, 'package.json'), JSON.stringify(manifest));
    assert.match(await owner([]), /the app has @sentry\/node 10\.78\.0, dd-trace \(not installed\)$/);
  });

  it('the app’s SDK, by its class, package and version, in either order', async () => {
    const expected =
      'TracerProvider of @opentelemetry/sdk-trace 3.1.0, registered with @opentelemetry/api 1.10.0';
    assert.equal(await owner([APP_SDK]), expected);
    assert.equal(await owner([PRELOAD, APP_SDK], sends), expected);
    assert.equal(await owner([APP_SDK, PRELOAD], sends), expected);
  });

  it('nervecenter, where it sends and the app registers none', async () => {
    assert.match(
      await owner([PRELOAD], sends),
      /^nervecenter by @opentelemetry\/sdk-node 0\.301\.0, registered/,
    );
    assert.match(await owner([PRELOAD]), /^nobody here/);
  });
});

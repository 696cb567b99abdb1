import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';

const PRELOAD = join(import.meta.dirname, '..', '..', 'otel.js');
/** Each takes Node milliseconds to load, and megabytes: `fetch` alone as much as all of the agent. */
const COSTLY = [
  'crypto',
  'http',
  'https',
  'http2',
  'tls',
  'zlib',
  'internal/deps/undici/undici',
  'internal/fs/streams',
];
const LOADED = 'process.stdout.write(JSON.stringify(process.moduleLoadList))';

it('an app that needs no network, digests or compression does not load them for us', () => {
  const home = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  try {
    const env = { ...process.env, NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: home, HOME: home };
    const run = (flags: readonly string[]) =>
      JSON.parse(
        execFileSync(process.execPath, [...flags, '--eval', LOADED], { env, encoding: 'utf8' }),
      ) as string[];
    const bare = new Set(run([]));
    const loaded = run(['--require', PRELOAD]).filter((name) => !bare.has(name));
    assert.ok(loaded.includes('NativeModule worker_threads'), 'the agent is there');
    assert.deepEqual(
      COSTLY.filter((name) => loaded.includes(`NativeModule ${name}`)),
      [],
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';
import { MemcachedServer } from '../../support/caches/memcached-server.ts';
import { RedisServer } from '../../support/caches/redis-server.ts';

const run = promisify(execFile);
const PRELOAD = join(import.meta.dirname, 'preload.ts');

for (const app of ['caches.cjs', 'caches.mjs']) {
  test(`${app}: every cache is seen missing and hitting, once each`, async () => {
    const [redisServer, memcachedServer] = await Promise.all([RedisServer.start(), MemcachedServer.start()]);
    try {
      const script = join(import.meta.dirname, 'apps', app);
      const ports = [redisServer.port, memcachedServer.port].map(String);
      const { stdout, stderr } = await run(process.execPath, ['--require', PRELOAD, script, ...ports]);
      assert.equal(stderr, '');
      const names = ['rag', 'embedding', 'rag', 'node-cache', 'pages', 'embedding'];
      assert.deepEqual(
        JSON.parse(stdout),
        names.flatMap((name) => [
          [name, false],
          [name, true],
        ]),
      );
    } finally {
      await Promise.all([redisServer.stop(), memcachedServer.stop()]);
    }
  });
}

for (const client of ['redis', 'ioredis']) {
  test(`${client}: a rejection nobody handles still ends the app`, async () => {
    const server = await RedisServer.start();
    try {
      const script = join(import.meta.dirname, 'apps', 'unhandled.cjs');
      const child = run(process.execPath, ['--require', PRELOAD, script, client, String(server.port)]);
      await assert.rejects(child, (error: { code: number; stdout: string; stderr: string }) => {
        assert.equal(error.code, 1);
        assert.match(error.stderr, /WRONGTYPE/);
        assert.deepEqual(JSON.parse(error.stdout), []);
        return true;
      });
    } finally {
      await server.stop();
    }
  });
}

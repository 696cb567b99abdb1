import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Health } from '../../src/core/snapshot.ts';
import { sourceNamed } from '../link/messages.ts';
import { WITHOUT_OTLP } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';

const ISSUE = 'Storage unreachable';

it('storage that is still starting is no failure, and one more attempt that fails is', async () => {
  const dataDir = reachableTempDir();
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const config = readConfig({
    DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/d`,
    NERVECENTER_PORT: '0',
    ...WITHOUT_OTLP,
    NERVECENTER_DATA_DIR: dataDir,
  });
  const collector = await startCollector({ config, log: () => {}, host: null });
  const issues = async () => {
    const response = await fetch(new URL('/api/metrics/health', collector.url));
    return ((await response.json()) as Health).issues;
  };
  try {
    await until(() => sockets.length > 0);
    assert.ok(!(await issues()).includes(ISSUE));
    silent.close();
    for (const socket of sockets) socket.destroy();
    await collector.ready;
    await until(async () => (await issues()).includes(ISSUE));
    assert.ok(existsSync(join(dataDir, '.gitignore')), 'the spool is kept out of git');
  } finally {
    await collector.shutdown(1000);
    silent.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

describe('an app that hosts nothing', () => {
  const started = async (env: Readonly<Record<string, string>>) => {
    const dataDir = reachableTempDir();
    const config = readConfig({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      NERVECENTER_TLS_CERT: join(dataDir, 'gone.crt'),
      NERVECENTER_TLS_KEY: join(dataDir, 'gone.key'),
      NERVECENTER_DATA_DIR: dataDir,
      ...env,
    });
    try {
      const collector = await startCollector({ config, log: () => {}, host: sourceNamed('app') });
      await collector.shutdown(0);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  };

  it('sends whatever became of the files of a certificate', async () => {
    await started({ NERVECENTER_LOCAL: 'off' });
  });

  it('needs them where it listens with them', async () => {
    const invalid = { code: 'NC_CONFIG_INVALID' };
    await assert.rejects(started({ NERVECENTER_LOCAL: 'on', NERVECENTER_PORT: '0' }), invalid);
    const listening = { NERVECENTER_OTLP_PORT: '0', NERVECENTER_HOST: '0.0.0.0' };
    await assert.rejects(started({ NERVECENTER_LOCAL: 'off', ...listening }), invalid);
  });
});

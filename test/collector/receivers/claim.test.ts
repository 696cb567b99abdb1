import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { listen } from '../../../src/collector/listen.ts';
import { listenWithPrecedence, mayMakeRoom, type Patience } from '../../../src/collector/receivers/claim.ts';
import { listenForAgents, type SocketReceiver } from '../../../src/collector/receivers/socket.ts';
import { startCollector } from '../../../src/collector/start.ts';
import { readConfig } from '../../../src/config/config.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import type { AgentMessage } from '../../../src/core/frame.ts';
import type { Holder } from '../../../src/core/place.ts';
import { rendezvousPath } from '../../../src/link/rendezvous.ts';
import { reachableTempDir } from '../../support/postgres.ts';

const HEALTH = { status: 'healthy', issues: [], uptime_seconds: 1, ws_connections: 0, timestamp: '' };
const TAKEN = new NervecenterError('NC_PORT_TAKEN', 'taken');

describe('a collector that runs alone, at a port that is taken', () => {
  let holder: Server;
  let receiver: SocketReceiver | null;
  let port: number;
  let asked: string[];
  beforeEach(async () => {
    asked = [];
    receiver = null;
    holder = createServer((_, response) => response.end(JSON.stringify(HEALTH)));
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    ({ port } = holder.address() as AddressInfo);
  });
  afterEach(async () => {
    await close();
    await receiver?.shutdown();
  });
  const close = () =>
    new Promise<void>((resolve) => {
      holder.close(() => resolve());
      holder.closeAllConnections();
    });
  const holds = async (by: Partial<Holder>, onClaimed = () => {}) => {
    const whole = { service: 'shop', pid: 4711, url: `http://127.0.0.1:${port}`, alone: false, ...by };
    receiver = await listenForAgents(rendezvousPath(port) ?? '', (link) =>
      link.onMessage((message) => {
        asked.push((message as AgentMessage).type);
        link.send({ type: 'held', holder: whole });
        if (asked.at(-1) === 'claim') onClaimed();
      }),
    );
  };
  const listens = async (patience: Patience) => {
    const server = createServer();
    const address = { host: '127.0.0.1', port, setting: 'NERVECENTER_PORT' } as const;
    await listenWithPrecedence(
      () => listen(server, address),
      { host: '127.0.0.1', port, tls: null },
      patience,
    );
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const short = { oursMs: 60_000, unknownMs: 0 };

  it('waits for one that is starting or stopping, which answers at its port and at no socket', async () => {
    let looks = 0;
    holder.on('request', () => {
      if (++looks === 5) void close();
    });
    await listens({ oursMs: 60_000, unknownMs: 1000 });
    assert.ok(looks >= 5);
  });

  it('waits a while for whoever does not answer, because nobody knows yet who that is', async () => {
    holder.removeAllListeners('request');
    let looks = 0;
    holder.on('request', (_, response) => {
      response.end('another program');
      if (++looks === 3) void close();
    });
    await listens({ oursMs: 0, unknownMs: 60_000 });
  });

  it('gives up on another program, and names another collector that runs alone', async () => {
    holder.removeAllListeners('request');
    holder.on('request', (_, response) => response.end('[]'));
    await assert.rejects(listens(short), { code: 'NC_PORT_TAKEN', message: /taken by another process/ });
    await holds({ alone: true });
    const named = { code: 'NC_PORT_TAKEN', message: /is the nervecenter collector of process 4711\./ };
    await assert.rejects(listens({ ...short, unknownMs: 1000 }), named);
    await assert.rejects(mayMakeRoom(TAKEN, { host: '127.0.0.1', port, tls: null }), named);
  });

  it('claims it only when all else is open: the collector of an app does not make room for nothing', async () => {
    await holds({}, () => void close());
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = String((other.address() as AddressInfo).port);
    const dataDir = reachableTempDir();
    const env = {
      NERVECENTER_PORT: String(port),
      NERVECENTER_OTLP_PORT: taken,
      NERVECENTER_OTLP_GRPC_PORT: 'off',
      NERVECENTER_STORAGE: 'off',
      NERVECENTER_DATA_DIR: dataDir,
    };
    const start = (more: object = {}) =>
      startCollector({ config: readConfig({ ...env, ...more }, dataDir), log: () => {}, host: null });
    try {
      await assert.rejects(start(), { code: 'NC_PORT_TAKEN', message: /NERVECENTER_OTLP_PORT/ });
      assert.deepEqual(asked, ['who']);
      const collector = await start({ NERVECENTER_OTLP_PORT: 'off' });
      assert.deepEqual(asked, ['who', 'claim']);
      assert.equal(collector.url, `http://127.0.0.1:${port}`);
      await collector.shutdown(1000);
    } finally {
      other.close();
    }
  });

  it('claims it first when the app’s collector has the other port as well', async () => {
    await holds({ takesOtlp: true });
    assert.equal(await mayMakeRoom(TAKEN, { host: '127.0.0.1', port, tls: null }), true);
    assert.equal(await mayMakeRoom(new Error('another'), { host: '127.0.0.1', port, tls: null }), false);
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { test } from 'vitest';
import WebSocket from 'ws';
import type { WsSessionEvent } from '../../../src/core/signals/ws-session.ts';
import { tried } from '../../packages/tried.ts';

const here = import.meta.dirname;
const preload = join(here, 'preload.ts');
const STARTS = [
  { app: 'server.cjs', options: ['--require', preload] },
  { app: 'server.mjs', options: ['--require', preload] },
  { app: 'server.mjs', options: ['--import', pathToFileURL(preload).href] },
];

for (const { app, options } of STARTS) {
  test(`${tried('ws')}, ${app} with ${options[0]}: sessions of every server mode, without a change to the app`, async () => {
    const child = spawn(process.execPath, [...options, join(here, 'apps', app)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const ports = JSON.parse((await lines.next()).value ?? '') as number[];
      for (const port of ports) await talk(port);
      child.stdin.end();
      const seen = JSON.parse((await lines.next()).value ?? '');
      const [exitCode] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
      assert.equal(exitCode, 0);
      assert.deepEqual(seen.counts, {
        active: 0,
        opened: 3,
        messagesIn: 3,
        messagesOut: 3,
        bytesIn: 15,
        bytesOut: 15,
      });
      const events = seen.events as WsSessionEvent[];
      for (const { path, messagesIn, messagesOut, bytesIn, bytesOut, closeCode } of events) {
        assert.deepEqual(
          { path, messagesIn, messagesOut, bytesIn, bytesOut, closeCode },
          { path: '/ask', messagesIn: 1, messagesOut: 1, bytesIn: 5, bytesOut: 5, closeCode: 4000 },
        );
      }
      assert.equal(events.length, 3);
    } finally {
      child.kill('SIGKILL');
    }
  });
}

async function talk(port: number): Promise<void> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ask?secret`);
  await once(client, 'open');
  client.send('hello');
  const [data] = await once(client, 'message');
  assert.equal(String(data), 'HELLO');
  client.close(4000);
  await once(client, 'close');
}

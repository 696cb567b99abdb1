import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'vitest';
import { startReceiver } from '../receiver.ts';

it('a body in chunks of one byte is received as any other', async (test) => {
  const { http, received } = await startReceiver(test);
  const { port } = new URL(http);
  const log = { body: { stringValue: 'x'.repeat(5000) } };
  const body = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [log] }] }] });
  const head = 'POST /v1/logs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n';
  const chunks = Array.from(body, (character) => `1\r\n${character}\r\n`).join('');
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.deepEqual(
    received
      .flatMap(({ records }) => records.map((record) => ({ ...record }) as { body?: unknown }))
      .map(({ body: text }) => text),
    [log.body.stringValue],
  );
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { snapshotFrame } from '../../src/platform/snapshot-frame.ts';

const ENVELOPE_BYTES = '{"type":"metrics_snapshot","data":}'.length;
/** Each side of where the header grows, and what fills more than one chunk of the reader. */
const PAYLOAD_BYTES = [ENVELOPE_BYTES + 1, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 300_000];

describe('the frame of a snapshot', () => {
  it.each(PAYLOAD_BYTES)('has the bytes that `ws` makes of a message of %i bytes', async (bytes) => {
    const json = 'x'.repeat(bytes - ENVELOPE_BYTES);
    const ours = snapshotFrame(json);
    const theirs = await framedByWs(`{"type":"metrics_snapshot","data":${json}}`, ours.length);
    assert.ok(ours.equals(theirs));
  });

  it('counts bytes, not characters', () => {
    const frame = snapshotFrame('"日本"');
    assert.equal(frame[1], frame.length - 2);
    assert.equal(frame.subarray(2).toString(), '{"type":"metrics_snapshot","data":"日本"}');
  });
});

/** The first bytes that a client of `ws`' own server gets after the handshake. */
async function framedByWs(message: string, bytes: number): Promise<Buffer> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const upgraded = once(client, 'upgrade');
  const [viewer] = (await once(server, 'connection')) as [WebSocket];
  const [{ socket }] = (await upgraded) as [{ socket: NodeJS.ReadableStream }];
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  viewer.send(Buffer.from(message), { binary: false });
  while (Buffer.concat(chunks).length < bytes) await once(socket, 'data');
  client.terminate();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
  return Buffer.concat(chunks);
}

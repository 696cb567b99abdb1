import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { test } from 'vitest';
import { limitConnections } from '../../src/collector/listen.ts';
import { until } from '../support/poll.ts';

const LIMITS = { max: 8, ofAddressMax: 5 };
const HERE = '127.0.0.1';
/** All of 127/8 is the loopback there. */
const ELSEWHERE = '127.0.0.2';

test('one address cannot take all the places, and who leaves makes room', {
  skip: process.platform !== 'linux',
}, async (context) => {
  const server = createServer((_, response) => response.end('answered'));
  let dropped = 0;
  limitConnections(server, LIMITS, () => dropped++);
  await new Promise<void>((resolve) => server.listen(0, HERE, resolve));
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  context.onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const open = (from: string, count: number) => {
    const opened = Array.from({ length: count }, () =>
      connect({ port, host: HERE, localAddress: from }).on('error', () => {}),
    );
    sockets.push(...opened);
    return opened;
  };
  const alive = (some: readonly Socket[]) => some.filter(({ closed }) => !closed);
  const isAnswered = (socket: Socket) =>
    new Promise<boolean>((resolve) => {
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1').startsWith('HTTP/1.1 200')));
      socket.once('close', () => resolve(false));
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    });

  const here = open(HERE, 20);
  await until(() => dropped === 20 - LIMITS.ofAddressMax && alive(here).length === LIMITS.ofAddressMax);
  const elsewhere = open(ELSEWHERE, 20);
  await until(() => dropped === 40 - LIMITS.max && alive(elsewhere).length === 3);
  const answered = await Promise.all([...alive(here), ...alive(elsewhere)].map(isAnswered));
  assert.deepEqual(new Set(answered), new Set([true]));

  for (const socket of here) socket.destroy();
  await until(async () => {
    const [newcomer] = open(HERE, 1);
    return newcomer !== undefined && (await isAnswered(newcomer));
  });
});

test('one network of IPv6 is one address, however many it has', () => {
  const server = createServer();
  let dropped = 0;
  limitConnections(server, LIMITS, () => dropped++);
  const from = (remoteAddress: string) => {
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
    server.emit('connection', socket);
    return socket;
  };
  const sockets = Array.from({ length: 20 }, (_, index) => from(`2001:db8:0:7::${index.toString(16)}`));
  assert.equal(dropped, 20 - LIMITS.ofAddressMax);
  sockets.push(from('2001:db8:0:8::1'), from('::ffff:192.0.2.1'));
  assert.equal(dropped, 20 - LIMITS.ofAddressMax);
  for (const socket of sockets) socket.destroy();
});

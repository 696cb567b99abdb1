import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { MIB } from '../../src/core/units.ts';
import { endingPipelines, UNREAD_BYTES_MAX } from '../../src/platform/http-pipelines.ts';
import { startReceiver } from '../collector/receivers/otlp/receiver.ts';
import { until } from '../support/poll.ts';

const UNANSWERED_MAX = 8;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const ANSWER = 'x'.repeat(1000);

/** A server that answers when it is told to. */
async function serve({ onTestFinished }: TestContext) {
  const seen = { asked: 0, ended: 0 };
  const waiting: (() => void)[] = [];
  const server = createServer(
    endingPipelines(
      (_request, response) => {
        seen.asked++;
        waiting.push(() => response.end(ANSWER));
      },
      () => {
        seen.ended++;
      },
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  client.on('error', () => {});
  const answerAll = () => {
    for (const answer of waiting.splice(0)) answer();
  };
  return { seen, client, answerAll };
}

/** A reset is a way to be ended, too. */
function closed(client: Socket): Promise<unknown> {
  return new Promise((resolve) => client.once('close', resolve));
}

function received(client: Socket): { text: string } {
  const all = { text: '' };
  client.on('data', (chunk) => {
    all.text += chunk;
  });
  return all;
}

describe('requests that come before answers are read', () => {
  it('are answered while they are few, in their order, and however many come one after the other', async (test) => {
    const { seen, client, answerAll } = await serve(test);
    const all = received(client);
    for (let round = 1; round <= 20; round++) {
      client.write(REQUEST.repeat(UNANSWERED_MAX));
      await until(() => seen.asked === round * UNANSWERED_MAX);
      answerAll();
      await until(() => all.text.split(ANSWER).length - 1 === round * UNANSWERED_MAX);
    }
    assert.equal(seen.ended, 0);
  });

  it('end their connection when they are more, and no further one is heard', async (test) => {
    const { seen, client } = await serve(test);
    client.resume();
    client.write(REQUEST.repeat(2000));
    await closed(client);
    assert.deepEqual(seen, { asked: UNANSWERED_MAX, ended: 1 });
  });

  it('are no way into the memory of the listener for OTLP', async (test) => {
    const receiver = await startReceiver(test);
    const client = connect(Number(new URL(receiver.http).port), '127.0.0.1');
    client.on('error', () => {});
    test.onTestFinished(() => void client.destroy());
    client.resume();
    client.write('POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'.repeat(2000));
    await closed(client);
    const dropped = Object.entries(receiver.counters()).filter(([name]) =>
      name.includes('connection_dropped'),
    );
    assert.deepEqual(
      dropped.map(([, count]) => count),
      [1],
    );
    const headers = { 'content-type': 'application/json' };
    assert.equal((await receiver.post('/v1/traces', '{}', headers)).status, 200);
  });
});

it('answers that nobody reads are bounded over all connections: those go whose answers are largest', async (test) => {
  let ended = 0;
  let asked = 0;
  const server = createServer(
    endingPipelines(
      (request, response) => {
        asked++;
        response.end(Buffer.alloc(Number(request.url?.slice(1))));
      },
      () => ended++,
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  test.onTestFinished(() => {
    for (const client of clients) client.destroy();
    server.closeAllConnections();
    server.close();
  });
  const ask = (bytes: number) => {
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    client.pause();
    client.write(`GET /${bytes} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(UNANSWERED_MAX));
    clients.push(client);
    return client;
  };
  const each = 4 * MIB;
  const small = ask(1000);
  await until(() => asked === UNANSWERED_MAX);
  for (let count = 1; count <= 10; count++) {
    ask(each);
    await until(() => ended + 2 >= count && asked > UNANSWERED_MAX * count);
  }
  assert.ok(ended >= 8, `${ended} of 10 are ended`);
  assert.ok((10 - ended) * UNANSWERED_MAX * each <= UNREAD_BYTES_MAX);
  const all = received(small);
  small.resume();
  await until(() => all.text.length > UNANSWERED_MAX * 1000);
});

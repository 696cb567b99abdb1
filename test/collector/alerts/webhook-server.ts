import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly delivery: string;
  readonly body: Record<string, unknown>;
}

/** A real receiver of webhooks; `answers` are the statuses it gives in turn, then 200. */
export interface WebhookServer {
  readonly url: string;
  readonly received: Received[];
  readonly answers: number[];
  readonly statuses: () => unknown[];
  close(): Promise<void>;
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const received: Received[] = [];
  const answers: number[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const delivery = String(request.headers['x-nervecenter-delivery']);
      received.push({ path: request.url ?? '', delivery, body: JSON.parse(text) });
      response.writeHead(answers.shift() ?? 200, { location: '/elsewhere' }).end('a body nobody reads');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answers,
    statuses: () => received.map(({ body }) => body['status']),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ModelServer {
  /** The base URL of its API. */
  readonly url: string;
  /** Calls that were answered. */
  readonly answered: number;
  close(): void;
}

/** Something that speaks just enough of OpenAI's protocol: 100 tokens in, 20 out, whatever it is asked. */
export async function startModelServer(): Promise<ModelServer> {
  const answer = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: 'that' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  });
  let answered = 0;
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      answered++;
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get answered() {
      return answered;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

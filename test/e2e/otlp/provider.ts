import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

export interface Provider {
  readonly url: string;
  stop(): Promise<void>;
}

/** So long that the rate of tokens does not hang on a microsecond. */
const CHUNK_GAP_MS = 10;
const USAGE = {
  prompt_tokens: 120,
  completion_tokens: 40,
  total_tokens: 160,
  prompt_tokens_details: { cached_tokens: 20, audio_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 12 },
};
const CHAT = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'gpt-4o-2024-08-06',
  service_tier: 'priority',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'length' }],
  usage: USAGE,
};
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  model: 'claude-opus-4-1',
  stop_reason: 'end_turn',
  content: [{ type: 'text', text: 'Hello.' }],
  usage: {
    input_tokens: 10,
    output_tokens: 7,
    cache_read_input_tokens: 30,
    cache_creation_input_tokens: 9,
    cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 5 },
  },
};
const EMBEDDINGS = {
  object: 'list',
  model: 'text-embedding-3-small',
  data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
  usage: { prompt_tokens: 8, total_tokens: 8 },
};
const BUSY = { error: { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' } };
const CHUNK = {
  id: 'chatcmpl-2',
  object: 'chat.completion.chunk',
  model: 'gpt-4o-2024-08-06',
  choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: null }],
};

/** A provider of models that answers in every way that a row tells apart: it streams, refuses, fails, breaks off and says nothing. */
export async function startProvider(): Promise<Provider> {
  const server = createServer(async (request, response) => {
    const { model, stream } = (await json(request)) as { readonly model: string; readonly stream?: boolean };
    if (request.url === '/v1/messages') send(response, 200, MESSAGE);
    else if (request.url === '/v1/embeddings') send(response, 200, EMBEDDINGS);
    else if (model === 'busy-model') send(response, 429, BUSY, { 'retry-after': '9' });
    else if (model === 'broken-model') send(response, 500, { error: { message: 'a secret' } });
    else if (model === 'silent-model') return;
    else if (stream !== true) send(response, 200, CHAT);
    else await streamTo(response, model === 'cut-model');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function send(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function streamTo(response: ServerResponse, isCut: boolean): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const write = (chunk: object) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  for (let i = 0; i < 3; i++) {
    write(CHUNK);
    await pause(CHUNK_GAP_MS);
  }
  if (isCut) {
    response.write('data: ', () => response.destroy());
    return;
  }
  write({ ...CHUNK, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  write({ ...CHUNK, choices: [], usage: USAGE });
  response.end('data: [DONE]\n\n');
}

// An app with requests, queries that call a model, and WebSocket sessions, and the agent in front of it.
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { watchMemory } from './memory.ts';

const { ragQuery } = createRequire(import.meta.url)(
  '../../dist/index.js',
) as typeof import('../../src/index.ts');
const [provider = ''] = process.argv.slice(2);
const BODY = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'why?' }] });
const POST = { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY };

function ask(): Promise<string> {
  return ragQuery({ query: 'why?' }, async (query) => {
    await query.stage('vector_search', () => {});
    query.result({ chunksRetrieved: 8, chunksUsed: 4, topScore: 0.9 });
    const answer = await query.stage('generation', () => fetch(`${provider}/v1/chat/completions`, POST));
    return answer.text();
  });
}

async function answer(path: string, response: ServerResponse): Promise<void> {
  const text = path === '/ask' ? await ask() : 'hello';
  response.end(text);
}

const server = createServer((request, response) => {
  answer(request.url ?? '/', response).catch(() => response.writeHead(500).end());
});
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(String(data)));
});
const memory = watchMemory();
process.on('message', () => process.send?.(memory()));
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

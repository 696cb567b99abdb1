// A model provider in a process of its own: chat completions, whole or as a stream of 200 chunks, each written by itself.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const CHUNKS = 200;
const TOKENS = { prompt_tokens: 230, completion_tokens: CHUNKS, total_tokens: 230 + CHUNKS };
const HEAD = { id: 'chatcmpl-bench', created: 1_763_800_000, model: 'gpt-4o-2024-08-06' };

const whole = JSON.stringify({
  ...HEAD,
  object: 'chat.completion',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'a few words '.repeat(60) }, finish_reason: 'stop' },
  ],
  usage: TOKENS,
});

const event = (document: object) =>
  `data: ${JSON.stringify({ ...HEAD, object: 'chat.completion.chunk', ...document })}\n\n`;
const delta = event({
  choices: [{ index: 0, delta: { content: ' word' }, finish_reason: null }],
  usage: null,
});
const last = `${event({ choices: [], usage: TOKENS })}data: [DONE]\n\n`;

function stream(response: ServerResponse, left = CHUNKS): void {
  if (left === 0) {
    response.end(last);
    return;
  }
  response.write(delta);
  setImmediate(stream, response, left - 1);
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    const streamed = body.includes('"stream":true');
    response.writeHead(200, { 'content-type': streamed ? 'text/event-stream' : 'application/json' });
    if (streamed) stream(response);
    else response.end(whole);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());

// Run by itself for more calls: `node --expose-gc test/agent/wire/memory-app.ts <fetch|http|http2> 100000`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Deferred } from '../../../src/agent/deferred.ts';
import { llm } from '../../../src/agent/llm/observer.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const PATH = '/v1/chat/completions';
const BODY = JSON.stringify({
  model: 'gpt-4o',
  stream: true,
  messages: [{ role: 'user', content: 'hello' }],
});
const DELTA = `data: ${JSON.stringify({ model: 'gpt-4o', choices: [{ delta: { content: 'word' } }] })}\n\n`;
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })}\n\n`;
const ANSWER = `${DELTA.repeat(3)}${USAGE}data: [DONE]\n\n`;
const AT_ONCE = 20;

/** An agent that only counts: what the app's memory holds is then the observing itself. What may wait does. */
class CountingAgent extends RecordingAgent {
  readonly deferred = new Deferred((error) => assert.fail(String(error)));
  count = 0;

  override later(work: () => void): void {
    this.deferred.add(work);
  }

  override emit(): void {
    this.count++;
  }
}

type Listener = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const answer: Listener = (request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(ANSWER);
  });
};

const CALLS: Readonly<Record<string, (url: string) => () => Promise<unknown>>> = {
  fetch: (url) => async () => (await fetch(url, { method: 'POST', body: BODY })).text(),
  http(url) {
    const agent = new http.Agent({ keepAlive: true });
    return async () => {
      const request = http.request(url, { method: 'POST', agent }).end(BODY);
      const [response] = await once(request, 'response');
      await once(response.resume(), 'end');
    };
  },
  http2(url) {
    const session = http2.connect(new URL(url).origin);
    return async () => {
      const stream = session.request({ ':path': PATH, ':method': 'POST' });
      stream.end(BODY);
      await once(stream.resume(), 'close');
    };
  },
};

async function repeat(times: number, call: () => Promise<unknown>): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Bytes that are still held after collecting garbage. */
async function held(): Promise<number> {
  agent.deferred.run();
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const [client = 'fetch', calls = '100000'] = process.argv.slice(2);
const server = client === 'http2' ? http2.createServer(answer as never) : http.createServer(answer);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const agent = new CountingAgent();
const stop = llm.start(agent);
const call = CALLS[client]?.(`http://127.0.0.1:${port}${PATH}`);
if (call === undefined) throw new Error(`expected fetch, http or http2, got ${client}`);
const measured = Number(calls);
const warmUp = Math.max(500, Math.round(measured / 10));
await repeat(warmUp, call);
const beforeBytes = await held();
const startMs = performance.now();
await repeat(measured, call);
const seconds = (performance.now() - startMs) / 1000;
const growthBytes = (await held()) - beforeBytes;
process.stdout.write(
  `${JSON.stringify({ client, calls: measured, events: agent.count - warmUp, growthBytes, seconds })}\n`,
);
stop();
process.exit(0);

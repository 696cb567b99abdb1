// A model provider on this machine: speaks OpenAI's and Anthropic's protocols, thinks by counting words, and has good and
// bad minutes like a real one.
//
//   STUB_PORT            4010; 0: any free one
//   STUB_SEED            1: the same seed gives the same latencies and faults in the same order
//   STUB_FAULT_RATE      0.02: share of requests refused with 429 or 500
//   STUB_LATENCY_SCALE   1: as a provider; 0: at once
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { constants, createGzip, gzipSync } from 'node:zlib';
import * as anthropic from './stub/anthropic.js';
import { createChance } from './stub/chance.js';
import * as openai from './stub/openai.js';
import { reportReady } from './supervised.js';

const BODY_BYTES_MAX = 4 * 1024 * 1024;
const GZIP_SHARE = 0.3;
const HOST = '127.0.0.1';

const chance = createChance({
  seed: Number(process.env.STUB_SEED ?? 1),
  faultRate: Number(process.env.STUB_FAULT_RATE ?? 0.02),
  latencyScale: Number(process.env.STUB_LATENCY_SCALE ?? 1),
});

const server = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
});

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
async function serve(request, response) {
  const { pathname } = new URL(request.url ?? '/', `http://${HOST}`);
  const dialect = Object.hasOwn(anthropic.routes, pathname) ? anthropic : openai;
  /** @type {Record<string, (body: any, chance: import('./stub/chance.js').Chance) => import('./stub/openai.js').Reply>} */
  const routes = dialect.routes;
  response.setHeader(dialect === anthropic ? 'request-id' : 'x-request-id', chance.id('req_'));
  try {
    const handler =
      Object.hasOwn(routes, pathname) && request.method === 'POST' ? routes[pathname] : undefined;
    if (!handler) throw openai.refusal(404, `Unknown request URL: ${request.method} ${pathname}.`);
    if (!request.headers.authorization && !request.headers['x-api-key']) {
      throw openai.refusal(401, "You didn't provide an API key.");
    }
    const body = await readJson(request);
    const fault = chance.fault();
    if (fault !== null)
      throw openai.refusal(fault, fault === 429 ? 'Rate limit reached.' : 'The server had an error.');
    await send(handler(body, chance), { request, response });
  } catch (error) {
    refuse(response, dialect, error);
  }
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {{ failure: (status: number, message: string, code?: string) => object }} dialect
 * @param {any} error
 */
function refuse(response, dialect, error) {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = error.status ?? 500;
  if (status === 429) response.setHeader('retry-after', '1').setHeader('retry-after-ms', '400');
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(dialect.failure(status, error.message, error.code)));
}

/** @param {import('node:http').IncomingMessage} request */
async function readJson(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw openai.refusal(413, 'The request is too large.');
    chunks.push(chunk);
  }
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw openai.refusal(400, 'We could not parse the JSON body of your request.');
  }
  if (typeof body !== 'object' || body === null) throw openai.refusal(400, 'The body must be a JSON object.');
  return body;
}

/**
 * @param {import('./stub/openai.js').Reply} reply
 * @param {{ request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse }} exchange
 */
async function send(reply, { request, response }) {
  const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const gzip = acceptsGzip && chance.happens(GZIP_SHARE);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  if (gzip) response.setHeader('content-encoding', 'gzip');
  await wait(chance.latencyMs(reply.thinkMs), undefined, { signal: gone.signal });
  if (!reply.frames) {
    const text = JSON.stringify(reply.json);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(gzip ? gzipSync(text) : text);
    return;
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  const out = gzip ? createGzip({ flush: constants.Z_SYNC_FLUSH }) : response;
  if (out !== response) out.pipe(response);
  for (const frame of reply.frames) {
    out.write(frame);
    await wait(chance.latencyMs(reply.paceMs ?? 0), undefined, { signal: gone.signal });
  }
  out.end();
}

server.on('error', (error) => {
  console.error(`provider stub: ${error.message}`);
  process.exit(1);
});
server.listen(Number(process.env.STUB_PORT ?? 4010), HOST, () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://${HOST}:${port}`;
  if (!process.send) console.log(`provider stub listening on ${url}`);
  reportReady({ url });
});

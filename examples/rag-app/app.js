// A question-answering service over a product handbook, HTTP and WebSocket:
//
//   node --require ./otel.js examples/rag-app/app.js
//
// PORT and HOST say where it listens (3000 on 127.0.0.1), OPENAI_API_KEY who answers (see models.js).
import { createServer } from 'node:http';
import express from 'express';
import { serveChat } from './chat.js';
import { isProviderError, writers } from './models.js';
import { ask, summaryOf } from './rag.js';
import { buildIndex, documents } from './search.js';

const QUESTION_LENGTH_MAX = 500;
const GOODBYE_MS = 1000;

/** Who is behind a key. A real service would ask its user directory. */
const users = new Map([
  ['demo-ada', { userEmail: 'ada@example.com', department: 'support' }],
  ['demo-ben', { userEmail: 'ben@example.com', department: 'support' }],
  ['demo-chi', { userEmail: 'chi@example.com', department: 'sales' }],
  ['demo-dana', { userEmail: 'dana@example.com', department: 'field service' }],
]);

class BadRequest extends Error {
  status = 400;
}

const app = express();
app.use(express.json({ limit: '16kb' }));

app.get('/healthz', (_request, response) => {
  response.json({ status: 'ok', documents: documents.length });
});

app.get('/documents', (_request, response) => {
  response.json(documents.map(({ id, title }) => ({ id, title })));
});

app.get('/documents/:id', (request, response) => {
  const document = documents.find(({ id }) => id === request.params.id);
  if (document) response.json(document);
  else response.status(404).json({ error: 'There is no such document.' });
});

app.get('/documents/:id/summary', async (request, response) => {
  const document = documents.find(({ id }) => id === request.params.id);
  if (document) response.json({ summary: await summaryOf(document) });
  else response.status(404).json({ error: 'There is no such document.' });
});

app.post('/ask', async (request, response) => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.json(await ask({ ...checked(request.body, 'fast'), user: userOf(request), signal: gone.signal }));
});

app.post('/feedback', (request, response) => {
  if (!Number.isInteger(request.body?.stars) || request.body.stars < 1 || request.body.stars > 5) {
    throw new BadRequest('"stars" must be a whole number from 1 to 5.');
  }
  response.status(204).end();
});

app.use((_request, response) => {
  response.status(404).json({ error: 'There is nothing here.' });
});

app.use((error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status = isProviderError(error) ? 502 : (error.status ?? 500);
  response.status(status).json({ error: explained(error) });
});

const server = createServer(app);
const chat = serveChat(
  server,
  (request, message, io) => ask({ ...checked(message, 'chat'), user: userOf(request), ...io }),
  explained,
);

/**
 * @param {any} message what a client sent
 * @param {string} fallbackStyle
 */
function checked(message, fallbackStyle) {
  const { question, style = fallbackStyle } = message ?? {};
  if (typeof question !== 'string' || question.trim() === '' || question.length > QUESTION_LENGTH_MAX) {
    throw new BadRequest(`"question" must be a text of 1 to ${QUESTION_LENGTH_MAX} characters.`);
  }
  if (!Object.hasOwn(writers, style)) {
    throw new BadRequest(`"style" must be one of ${Object.keys(writers).join(', ')}.`);
  }
  return { question, style };
}

/** Browsers cannot set headers on a WebSocket, so there the key comes in the URL. @param {import('node:http').IncomingMessage} request */
function userOf(request) {
  const key =
    request.headers['x-api-key'] ?? new URL(request.url ?? '/', 'http://app').searchParams.get('key');
  return users.get(String(key)) ?? {};
}

/** What a client may know of a failure. @param {any} error */
function explained(error) {
  if (isProviderError(error)) return 'The model cannot answer at the moment.';
  return error.status < 500 ? error.message : 'Something went wrong.';
}

function close() {
  for (const client of chat.clients) client.close(1001, 'The service is stopping.');
  server.close();
  // Whoever does not answer the goodbye must not keep the service from stopping.
  setTimeout(() => {
    for (const client of chat.clients) client.terminate();
    server.closeAllConnections();
  }, GOODBYE_MS).unref();
}

/** @param {string} sentence */
function giveUp(sentence) {
  console.error(`rag-app: ${sentence}`);
  process.exit(1);
}

const port = Number(process.env.PORT ?? 3000);
const host = process.env.HOST ?? '127.0.0.1';
chat.on('error', (error) => giveUp(`cannot listen on ${host}:${port}: ${error.message}`));
await buildIndex().catch((error) => giveUp(`the model provider cannot be reached: ${error.message}`));
server.listen(port, host, () => {
  process.once('SIGTERM', close);
  process.once('SIGINT', close);
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`rag-app listening on http://${host}:${address.port}`);
});

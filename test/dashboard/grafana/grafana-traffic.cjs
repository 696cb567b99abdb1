// An app with all the traffic that the dashboards for Grafana have a panel for; it stands in for the model provider too.
const http = require('node:http');
const {
  ragQuery,
  recordCacheAccess,
  recordWsConnect,
  recordWsDisconnect,
  recordWsMessage,
} = require('nervecenter');

const USAGE = {
  prompt_tokens: 1000,
  completion_tokens: 500,
  total_tokens: 1500,
  prompt_tokens_details: { cached_tokens: 200 },
  completion_tokens_details: { reasoning_tokens: 100 },
};

function answerOf(model) {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }];
  return { id: 'x', object: 'chat.completion', created: 1, model, choices, usage: USAGE };
}

/** A streamed answer that does not say what it used. */
function stream(response, model) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of ['good ', 'day']) {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }];
    response.write(
      `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model, choices })}\n\n`,
    );
  }
  response.end('data: [DONE]\n\n');
}

const ANSWERS = {
  '/v1/chat/completions': answerOf,
  '/v1/embeddings': (model) => ({
    object: 'list',
    model,
    data: [],
    usage: { prompt_tokens: 7, total_tokens: 7 },
  }),
  '/v1/rerank': (model) => ({ model, results: [], usage: { total_tokens: 9 } }),
};

async function answer(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { model, stream: streams } = JSON.parse(body);
  if (streams) return stream(response, model);
  response.writeHead(model === 'busy' ? 429 : 200, { 'content-type': 'application/json' });
  const answered = model === 'busy' ? { error: { message: 'slow down' } } : ANSWERS[request.url](model);
  response.end(JSON.stringify(answered));
}

const STATUSES = { '/traffic': 200, '/fails': 500 };

const server = http.createServer(async (request, response) => {
  if (request.url in ANSWERS) return answer(request, response);
  if (request.url === '/traffic') await makeTraffic();
  response.writeHead(STATUSES[request.url] ?? 404).end();
});

const urlOf = (path) => `http://127.0.0.1:${server.address().port}${path}`;

async function ask(model, more = {}, path = '/v1/chat/completions') {
  const response = await fetch(urlOf(path), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer none' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...more }),
  });
  await response.text();
}

async function makeTraffic() {
  for (const model of ['gpt-4o-mini', 'nobody-knows-this', 'busy']) await ask(model);
  await ask('gpt-4o-mini', { stream: true });
  await (await fetch(urlOf('/fails'))).text();
  for (const path of ['/v1/embeddings', '/v1/rerank'])
    for (const model of ['text-embedding-3-small', 'busy'])
      await ask(model, { input: 'hello', query: 'hello', documents: ['x'] }, path);
  await ragQuery({ query: 'q' }, async (query) => {
    await query.stage('embedding', async () => 1);
    query.result({ chunksRetrieved: 3 });
  });
  await ragQuery({ query: 'q' }, () => Promise.reject(new TypeError('x'))).catch(() => {});
  for (const hit of [true, false]) recordCacheAccess('rag', hit);
  recordWsConnect();
  recordWsMessage('in', 10);
  recordWsMessage('out', 20);
  recordWsDisconnect();
}

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));

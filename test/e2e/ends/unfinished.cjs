// A server whose requests end the process, or are under way when it ends.
const http = require('node:http');
const { ragQuery } = require('nervecenter');

const MODEL = process.env.MODEL_URL;
const ask = () =>
  fetch(`${MODEL}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'a' }] }),
  });

const HANDLERS = {
  '/served': (response) => response.end('served'),
  '/hangs': () => {},
  '/streams': (response) => response.write('a beginning'),
  '/asks': () => void ask().catch(() => {}),
  '/queries': () => void ragQuery({ query: 'a' }, ask).catch(() => {}),
  '/throws': () =>
    setTimeout(() => {
      throw new Error('on purpose');
    }),
  '/rejects': () => void Promise.reject(new Error('on purpose')),
  '/exits': () => process.exit(3),
  '/answers-and-exits': (response) => {
    response.end('the last word');
    process.exit(3);
  },
  '/raises': () => process.kill(process.pid, 'SIGTERM'),
};

const server = http.createServer((request, response) => HANDLERS[request.url](response));
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));

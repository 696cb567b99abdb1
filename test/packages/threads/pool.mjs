// An app that hands its work to a pool of threads: GET / has a model asked in one. The file is the threads' as well.
import { createServer } from 'node:http';
import { isMainThread } from 'node:worker_threads';
import { Piscina } from 'piscina';

/** What a thread of the pool does. */
export async function ask(text) {
  const answer = await fetch(`${process.env.MODEL_URL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: text }] }),
  });
  return (await answer.json()).choices[0].message.content;
}

if (isMainThread) {
  const pool = new Piscina({ filename: import.meta.url, minThreads: 2, maxThreads: 2 });
  const server = createServer(async (request, response) =>
    response.end(await pool.run(request.url, { name: 'ask' })),
  );
  server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
}

// Calls a model through the openai package as often as the parent asks, and tells the CPU time of this thread.
const { setTimeout: wait } = require('node:timers/promises');
const { OpenAI } = require('openai');

/** Longer than anybody here waits before what was measured is handed over or exported. */
const HAND_OVER_MS = 350;

const client = new OpenAI({ apiKey: 'none', baseURL: process.argv[2], maxRetries: 0 });
const messages = [
  { role: 'system', content: 'You answer questions about the documents below. '.repeat(20) },
  { role: 'user', content: 'What does the second document say about the tides? '.repeat(4) },
];

async function once() {
  await client.chat.completions.create({ model: 'gpt-4o', messages });
}

async function stream() {
  const options = { include_usage: true };
  const chunks = await client.chat.completions.create({
    model: 'gpt-4o',
    messages,
    stream: true,
    stream_options: options,
  });
  for await (const _ of chunks);
}

/** Nothing is called: what remains is what happens anyway. */
async function idle() {}

const kinds = { once, stream, idle };

function threadMicros() {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

process.on('message', async ({ kind, calls }) => {
  const before = threadMicros();
  for (let call = 0; call < calls; call++) await kinds[kind]();
  await wait(HAND_OVER_MS);
  process.send((threadMicros() - before) / calls);
});
process.on('disconnect', () => process.exit());
process.send('ready');

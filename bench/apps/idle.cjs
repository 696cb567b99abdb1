// A server that nobody asks anything: tells how much CPU time this thread has used in so many milliseconds.
const { createServer } = require('node:http');
const { setTimeout: wait } = require('node:timers/promises');

function threadMicros() {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

process.on('message', async ({ durationMs }) => {
  const before = threadMicros();
  const beganMs = performance.now();
  await wait(durationMs);
  process.send(((threadMicros() - before) / (performance.now() - beganMs)) * 1000);
});
process.on('disconnect', () => process.exit());
createServer((_, response) => response.end()).listen(0, '127.0.0.1', () => process.send('ready'));

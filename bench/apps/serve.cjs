// Listens, tells the parent where, and answers what the parent asks about the process.
const { createServer } = require('node:http');

const answers = {
  cpu: () => ({ process: micros(process.cpuUsage()), thread: micros(process.threadCpuUsage()) }),
  rss: () => process.memoryUsage.rss(),
};

function micros({ user, system }) {
  return user + system;
}

/** @param {import('node:http').RequestListener} handler */
function serve(handler) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('message', (question) => process.send(answers[question]()));
  process.on('disconnect', () => process.exit());
}

module.exports = { serve };

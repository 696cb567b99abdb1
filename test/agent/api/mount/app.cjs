// An app that mounts nervecenter's routes on servers of its own: Express in two ways, and node:http beside a `ws` server.
const http = require('node:http');
const express = require('express');
const { WebSocketServer } = require('ws');
const { attachStream, metricsHandler } = require('nervecenter');

const authorize = async ({ headers }) => headers['x-role'] === 'admin';
const metrics = metricsHandler({ authorize });

const inFront = express();
inFront.use(metrics);
inFront.get('/app/:id', (request, response) => response.send(request.params.id));

const belowItsPath = express();
belowItsPath.use('/api/metrics', metrics);
belowItsPath.get('/app/:id', (request, response) => response.send(request.params.id));

const plain = http.createServer((request, response) => {
  if (metrics(request, response)) return;
  response.end('the app');
});
new WebSocketServer({ server: plain, path: '/echo' }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(String(data)));
});
attachStream(plain, { authorize });

const servers = [http.createServer(inFront), http.createServer(belowItsPath), plain];
attachStream(servers[0], { authorize });
let listening = 0;
for (const server of servers) {
  server.listen(0, '127.0.0.1', () => {
    if (++listening < servers.length) return;
    console.log(`ports ${servers.map((each) => each.address().port).join()}`);
    console.log(`port ${plain.address().port}`);
  });
}
inFront.get('/close', (_request, response) => {
  response.setHeader('connection', 'close').end();
  for (const server of servers) server.close(() => console.log('closed'));
});

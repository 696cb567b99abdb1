// The same app as an ES module with named imports.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const http = createServer().listen(0, '127.0.0.1');
const manualHttp = createServer().listen(0, '127.0.0.1');
const own = new WebSocketServer({ port: 0, host: '127.0.0.1' });
const attached = new WebSocketServer({ server: http });
const manual = new WebSocketServer({ noServer: true });
manualHttp.on('upgrade', (request, socket, head) => {
  manual.handleUpgrade(request, socket, head, (client) => manual.emit('connection', client, request));
});
for (const server of [own, attached, manual]) {
  server.on('connection', (socket) => {
    socket.onmessage = ({ data }) => socket.send(data.toUpperCase());
  });
}
const listening = [own, http, manualHttp];
await Promise.all(
  listening.filter((server) => server.address() === null).map((server) => once(server, 'listening')),
);
console.log(JSON.stringify(listening.map((server) => server.address().port)));
process.stdin.resume().on('end', () => {
  for (const server of [own, attached, manual, http, manualHttp]) server.close();
});

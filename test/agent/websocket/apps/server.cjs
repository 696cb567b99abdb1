// An app that knows nothing of being observed: answers every message in capitals; ends with its standard input.
const { createServer } = require('node:http');
const WebSocket = require('ws');

const answer = (socket) => socket.on('message', (data) => socket.send(String(data).toUpperCase()));
const own = new WebSocket.Server({ port: 0, host: '127.0.0.1' }, announce);
const http = createServer();
const attached = new WebSocket.WebSocketServer({ server: http });
const manual = new WebSocket.WebSocketServer({ noServer: true });
const manualHttp = createServer().on('upgrade', (request, socket, head) => {
  manual.handleUpgrade(request, socket, head, (client) => manual.emit('connection', client, request));
});
for (const server of [own, attached, manual]) server.on('connection', answer);
http.listen(0, '127.0.0.1', announce);
manualHttp.listen(0, '127.0.0.1', announce);

let listening = 0;
function announce() {
  listening++;
  if (listening < 3) return;
  console.log(JSON.stringify([own, http, manualHttp].map((server) => server.address().port)));
}
process.stdin.resume().on('end', () => {
  for (const server of [own, attached, manual, http, manualHttp]) server.close();
});

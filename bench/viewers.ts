// A room full of dashboards: WebSocket clients that only count. Tells whenever all of them have got the next message.
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [url = '', viewers = '0', token = ''] = process.argv.slice(2);
const sockets = Array.from(
  { length: Number(viewers) },
  () => new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false }),
);
let received = 0;
for (const socket of sockets) {
  socket.on('message', () => {
    received++;
    if (received % sockets.length === 0) process.send?.('all');
  });
}
await Promise.all(sockets.map((socket) => once(socket, 'open')));
process.on('disconnect', () => process.exit());
process.send?.('open');

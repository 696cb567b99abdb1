// Dashboards that read everything, and tell how long after its making each snapshot was there.
import { once } from 'node:events';
import { WebSocket } from 'ws';

/** Since it was asked before. */
export interface Seen {
  readonly latenessMs: readonly number[];
  /** Snapshots that a viewer did not get, of those that another did. */
  readonly missed: number;
}

const [url = '', token = '', count = '1'] = process.argv.slice(2);
const MADE_AT = /"timestamp":"([^"]+)"/;
const headers = { authorization: `Bearer ${token}` };
let latenessMs: number[] = [];
const received: number[] = [];

async function watch(index: number): Promise<void> {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  // The one that it gets at once was made before it came.
  await once(socket, 'message');
  received[index] = 0;
  socket.on('message', (data) => {
    received[index] = (received[index] ?? 0) + 1;
    const madeAt = MADE_AT.exec(String(data))?.[1];
    latenessMs.push(Date.now() - Date.parse(madeAt ?? ''));
  });
}

function seen(): Seen {
  const most = Math.max(...received);
  // The one that is under way is none that was missed.
  const missed = received.reduce((sum, one) => sum + Math.max(0, most - 1 - one), 0);
  const told: Seen = { latenessMs, missed };
  latenessMs = [];
  received.fill(0);
  return told;
}

process.on('message', () => process.send?.(seen()));
process.on('disconnect', () => process.exit());
await Promise.all(Array.from({ length: Number(count) }, (_, index) => watch(index)));
process.send?.('ready');

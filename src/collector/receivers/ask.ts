import { connect } from 'node:net';
import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';
import type { Place } from '../../core/place.ts';
import { SECOND_MS } from '../../core/units.ts';
import { encodeMessage, MessageDecoder } from '../../link/framing.ts';
import { candidatePorts, rendezvousPath } from '../../link/rendezvous.ts';

const ANSWER_TIMEOUT_MS = 2 * SECOND_MS;

/** Asks whoever collects at `path` one thing. @returns the first thing it says; `null`: nobody of ours answers. */
export function askCollector(path: string, question: AgentMessage): Promise<CollectorMessage | null> {
  const { promise, resolve } = Promise.withResolvers<CollectorMessage | null>();
  const decoder = new MessageDecoder();
  const socket = connect(path);
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  socket.once('connect', () => socket.write(encodeMessage(question)));
  socket.on('error', () => socket.destroy());
  socket.once('close', () => resolve(null));
  socket.on('data', (chunk: Buffer) => {
    try {
      const [answer] = decoder.push(chunk) as CollectorMessage[];
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    } catch {
      socket.destroy(); // Not a collector of ours.
    }
  });
  return promise;
}

/** What a collector says of its dashboard. */
export type Whose = Extract<CollectorMessage, { type: 'here' }>;

/** Asks every collector of this user that a process with this place would look at. In the order in which it would. */
export async function dashboardsFor(place: Place): Promise<Whose[]> {
  const answers = await Promise.all(
    candidatePorts(place.port).map(async (port) => {
      const path = rendezvousPath(port);
      return path === null ? null : askCollector(path, { type: 'where', place });
    }),
  );
  return answers.filter((answer) => answer?.type === 'here');
}

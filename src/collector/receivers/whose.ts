import type { CollectorMessage } from '../../core/frame.ts';
import type { Place } from '../../core/place.ts';
import { candidatePorts, rendezvousPath } from '../../link/rendezvous.ts';
import { askCollector } from './ask.ts';

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

import type { AgentMessage } from '../../core/frame.ts';
import { candidatePorts, rendezvousPath } from '../../link/rendezvous.ts';
import { type Answer, joinCollector } from './join.ts';
import type { LinkEvents } from './link.ts';

/** What there is of collectors on this machine. */
export interface Found {
  readonly joined: Extract<Answer, { type: 'joined' }> | null;
  /** Who has the configured port and does not take this process; `null`: nobody. */
  readonly refusal: Extract<Answer, { type: 'refused' }> | null;
  /** The first port at which no collector is; `null`: none. */
  readonly freePort: number | null;
}

interface LookOptions {
  /** The configured one. */
  readonly port: number;
  /** Ports at which none could be hosted. */
  readonly taken: ReadonlySet<number>;
  readonly hello: AgentMessage;
  /** For the next link. */
  readonly events: () => LinkEvents;
}

/** Looks for a collector that takes this process: at the configured port, or at one that a collector moved on to. */
export async function lookForCollector({ port, taken, hello, events }: LookOptions): Promise<Found> {
  let refusal: Found['refusal'] = null;
  let freePort: number | null = null;
  for (const at of candidatePorts(port)) {
    const path = rendezvousPath(at);
    const answer = path === null ? null : await joinCollector(path, hello, events());
    if (answer?.type === 'joined') return { joined: answer, refusal: null, freePort: null };
    if (answer !== null && at === port) refusal = answer;
    if (answer === null && !taken.has(at)) freePort ??= at;
  }
  return { joined: null, refusal, freePort };
}

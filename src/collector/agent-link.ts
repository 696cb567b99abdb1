import type { CollectorMessage } from '../core/frame.ts';

/** One agent's connection, whatever carries it: a MessagePort within the process, a socket between processes. */
export interface AgentLink {
  /**
   * At most one listener; messages that came before it was set are delivered to it. Each claims to be an `AgentMessage`:
   * its sender may be of another version, or broken. What carries bytes says of how many a message was made.
   */
  onMessage(listener: (message: unknown, bytes?: number) => void): void;
  /**
   * Where links are bounded by bytes: told how many of those of its messages wait to be taken, whenever that changes.
   *
   * @param drop forgets them; the link is closed besides, for its process to send them again.
   */
  holding?(bytes: number, drop: () => void): void;
  onClose(listener: () => void): void;
  /** Never throws; a message to a closed link is lost. */
  send(message: CollectorMessage): void;
  close(): void;
}

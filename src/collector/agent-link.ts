import type { CollectorMessage } from '../core/frame.ts';

/** One agent's connection, whatever carries it: a MessagePort within the process, a socket between processes. */
export interface AgentLink {
  /**
   * At most one listener; messages that came before it was set are delivered to it. Each claims to be an `AgentMessage`:
   * its sender may be of another version, or broken.
   */
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
  /** Never throws; a message to a closed link is lost. */
  send(message: CollectorMessage): void;
  close(): void;
}

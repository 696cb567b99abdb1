import type { AgentMessage, CollectorMessage } from '../core/frame.ts';

/** One agent's connection, whatever carries it: a MessagePort within the process, a socket between processes. */
export interface AgentLink {
  /** At most one listener; messages that came before it was set are delivered to it. */
  onMessage(listener: (message: AgentMessage) => void): void;
  onClose(listener: () => void): void;
  /** Never throws; a message to a closed link is lost. */
  send(message: CollectorMessage): void;
  close(): void;
}

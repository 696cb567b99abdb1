import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';

/** The agent's side of the way to a collector. Nothing here throws into the app or keeps its process alive. */
export interface CollectorLink {
  send(message: AgentMessage): void;
  /**
   * Hands over the last messages while the process exits and nothing asynchronous runs any more. Returns when the
   * collector has stored them, or after `deadlineMs`, with what to tell of it; empty when all is well.
   */
  flushSync(messages: readonly AgentMessage[], deadlineMs: number): string;
  close(): void;
}

export interface LinkEvents {
  readonly onMessage: (message: CollectorMessage) => void;
  /** The link ended by itself; `error` says why when the collector's thread broke. */
  readonly onClose: (error?: unknown) => void;
}

import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';

/** A way for messages to a collector. Nothing here throws into the app or keeps its process alive. */
export interface MessageLink {
  send(message: AgentMessage): void;
  /**
   * Hands over the last messages while the process exits and nothing asynchronous runs any more. Returns when the
   * collector has stored them, or after `deadlineMs`, with what to tell of it; empty when all is well.
   */
  flushSync(messages: readonly AgentMessage[], deadlineMs: number): string;
  close(): void;
}

/** The agent's side of the way to a collector, which the events of the ring take as well. */
export interface CollectorLink extends MessageLink {
  /** Hands over what waits in the ring now; a collector that reads the ring itself needs nobody to. */
  handOver(): void;
  /** The collector has taken responsibility for what was handed over up to there. */
  accepted(batch: number): void;
}

export interface LinkEvents {
  readonly onMessage: (message: CollectorMessage) => void;
  /** The link ended by itself; `error` says why when the collector's thread broke. */
  readonly onClose: (error?: unknown) => void;
}

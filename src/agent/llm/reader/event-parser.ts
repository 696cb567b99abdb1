/** Receives the events of a stream piece by piece, whatever separates them. */
export interface EventSink {
  /** A piece of the current event. */
  data(piece: string): void;
  /** The current event is complete. */
  endOfEvent(): void;
}

/** Cuts a stream into events. What it holds is bounded by a constant; pieces may end anywhere. */
export interface EventParser {
  write(text: string): void;
}

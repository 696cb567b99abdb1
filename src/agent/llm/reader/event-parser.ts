/** Receives the events of a stream piece by piece, whatever separates them. */
export interface EventSink {
  /**
   * Asked where an event may begin: how far the text from `at` on holds whole events that need not be cut out; `at` where
   * there are none.
   */
  skip(text: string, at: number): number;
  /** A piece of the current event. */
  data(piece: string): void;
  /** The current event is complete, and ends at `end` of the text. @param begin where it began; -1: in a piece before. */
  endOfEvent(text: string, begin: number, end: number): void;
}

/** Cuts a stream into events. What it holds is bounded by a constant; pieces may end anywhere. */
export interface EventParser {
  /** Steps that were taken to cut: what this costs, whatever the bytes are. */
  readonly steps: number;
  write(text: string): void;
}

import type { MetricsState } from '../client/metrics-state.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Alerts } from './alerts.ts';
import type { Line } from './drawing/text.ts';
import type { View } from './keyboard.ts';
import type { Trends } from './trends.ts';

/** Everything a frame is drawn from. */
export interface Picture {
  readonly metrics: MetricsState;
  readonly alerts: Alerts;
  readonly trends: Trends;
  readonly view: View;
  /** Where the collector is, for people. */
  readonly target: string;
  readonly nowMs: number;
}

/** What a section is drawn from: a snapshot is there. */
export interface Scene extends Picture {
  readonly snapshot: Snapshot;
}

/** One section of a page: a heading with its summary, then rows, the table's head above them. */
export interface Block {
  readonly title: string;
  /** Facts in the order of their weight; as many as fit are shown. */
  readonly summary: readonly Line[];
  /** Always shown with the block. */
  readonly lead?: readonly Line[];
  readonly head?: Line;
  readonly rows: readonly Line[];
  /** Rows shown before any other block gets more. */
  readonly rowsWanted: number;
  /** What a row is, for `3 of 10 routes`. */
  readonly noun: string;
}

/** Draws one section in lines of at most `width` cells. */
export type Section = (scene: Scene, width: number) => Block;

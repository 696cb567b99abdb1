import type { Component } from 'svelte';
import type { Snapshot, Verdict } from '../../../../src/client/index.ts';
import type { Accent } from '../elements/accent.ts';
import type { IconName } from '../elements/icons.ts';
import type { LiveHistory } from '../live/past.ts';

/** All a panel knows. Panels fetch nothing. */
export interface PanelProps {
  readonly snapshot: Snapshot;
  readonly history: LiveHistory;
  /** The stream's interval in milliseconds. */
  readonly intervalMs: number;
  readonly verdict: Verdict;
  /** Why the verdict is what it is. */
  readonly reasons: readonly string[];
}

export interface PanelEntry {
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  readonly accent: Accent;
  /** Columns of the three it takes on a wide screen. */
  readonly span: 1 | 2 | 3;
  readonly body: Component<PanelProps>;
  /** What stands at the right of the panel's title. */
  readonly badge?: Component<PanelProps>;
}

import { createContext } from 'svelte';
import type { Firings } from './alerts/firings.svelte.ts';
import type { HistoryClient } from './history/client.ts';
import type { Live } from './live/live.svelte.ts';
import type { Redeployment } from './live/redeployment.svelte.ts';
import type { Navigation } from './view/navigation.svelte.ts';
import type { Theme } from './view/theme.svelte.ts';
import type { TimeRange } from './view/time.svelte.ts';

/** What every page is made of. */
export interface Dashboard {
  /** The newest snapshot, the verdict, the connection, a clock. */
  readonly live: Live;
  /** Which page and how it is shown: the address. */
  readonly navigation: Navigation;
  /** The address's range at this moment, and its time zone. */
  readonly time: TimeRange;
  readonly history: HistoryClient;
  readonly theme: Theme;
  /** When alerts fired, for the charts of what they watch. */
  readonly firings: Firings;
  /** Whether the collector serves another dashboard by now. */
  readonly redeployment: Redeployment;
}

const [useDashboard, provideDashboard] = createContext<Dashboard>();

/** The dashboard a component belongs to; to be called while the component is set up. */
export { provideDashboard, useDashboard };

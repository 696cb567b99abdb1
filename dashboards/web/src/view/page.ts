import type { Component } from 'svelte';
import type { IconName } from '../elements/icons.ts';
import type { PresetId } from './range.ts';

/** One page of the dashboard. */
export interface PageEntry {
  readonly id: string;
  /** Below `/admin/`: lower case letters and dashes. */
  readonly path: string;
  /** In the navigation. */
  readonly title: string;
  /** The page's `h1`, and part of the document's title. */
  readonly heading: string;
  readonly icon: IconName;
  /** The range it opens with. */
  readonly range: PresetId;
  /** Whether the ranges can be chosen: false for a page that is live only or has no time. */
  readonly hasRange: boolean;
  /** Whether the period before can be drawn beside: false for a list. @default true, where there are ranges */
  readonly hasPast?: boolean;
  readonly load: () => Promise<{ readonly default: Component }>;
}

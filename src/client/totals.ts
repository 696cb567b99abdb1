import type { Snapshot } from '../core/snapshot.ts';

/** How the totals of one snapshot are shown, and what is made of them, such as a hit rate. */
export interface Totals {
  /** False until the collector has read what was counted before its start: every total is still to grow by that. */
  readonly known: boolean;
  /** Why there is no figure; empty when there is one. */
  readonly hint: string;
  /** As `format` writes it, or as not known yet: a figure that will jump says nothing. */
  readonly text: (value: number, format: (value: number) => string) => string;
  /** Whether nothing was ever counted; not before the total is known. */
  readonly isNone: (value: number) => boolean;
}

const KNOWN: Totals = {
  known: true,
  hint: '',
  text: (value, format) => format(value),
  isNone: (value) => value === 0,
};

const LOADING: Totals = {
  known: false,
  hint: 'What was counted before this start is being read',
  text: () => '…',
  isNone: () => false,
};

export function totalsOf({ pipeline }: Snapshot): Totals {
  return pipeline.totals === 'loading' ? LOADING : KNOWN;
}

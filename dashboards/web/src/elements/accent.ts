/** The colour of a panel's title and edge; `verdict` takes the verdict's own. */
export type Accent = 'verdict' | 'cyan' | 'amber' | 'plain';

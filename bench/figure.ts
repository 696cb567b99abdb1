import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** One line of the results: a ratio or a figure against its budget, the same of the peers, and raw numbers as context. */
export interface Figure {
  readonly what: string;
  /** From the architecture's budgets; absent where there is none. */
  readonly budget?: string;
  readonly within?: boolean;
  readonly ours: string;
  readonly peers?: string;
  readonly raw: string;
}

export interface Part {
  readonly name: string;
  readonly title: string;
  /** Apps load the built agent, as users do; the other parts run the sources. */
  readonly loadsBuild?: boolean;
  /** Runs only when it is named: it takes long and much of the disk. */
  readonly onlyNamed?: boolean;
  /** Its results are files of its own, which it writes itself. */
  readonly ownFiles?: boolean;
}

/** What is said beside the names of the parts. */
export interface PartOptions {
  readonly write: boolean;
  /** How long one that takes long goes on. @default as long as it says */
  readonly minutes?: number;
  /** Events per second, likewise. */
  readonly rate?: number;
  /** A checkout of an earlier version, built, to be measured in the same run. @default none */
  readonly before?: string;
}

/** @throws Error where something is said that is no option, or not as it should be. */
export function optionsIn(parameters: readonly string[]): {
  readonly names: readonly string[];
  readonly options: PartOptions;
} {
  const { values, positionals: names } = parseArgs({
    args: [...parameters],
    allowPositionals: true,
    options: {
      write: { type: 'boolean' },
      minutes: { type: 'string' },
      rate: { type: 'string' },
      before: { type: 'string' },
    },
  });
  const { write = false, before } = values;
  return {
    names,
    options: {
      write,
      ...amount('minutes', values.minutes),
      ...amount('rate', values.rate),
      ...(before !== undefined && { before: resolve(before) }),
    },
  };
}

function amount(name: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined) return {};
  if (Number(text) > 0) return { [name]: Number(text) };
  throw new Error(`--${name}: expected a number above 0, got ${text}`);
}

/** In the order they run; each is a file beside this one that exports `run(options): Promise<Figure[]>`. */
export const PARTS: readonly Part[] = [
  { name: 'throughput', title: 'Hello-world HTTP server', loadsBuild: true },
  { name: 'emit', title: 'One event' },
  { name: 'llm-call', title: 'One model call', loadsBuild: true },
  { name: 'start', title: 'Start and memory', loadsBuild: true },
  { name: 'rest', title: 'At rest', loadsBuild: true },
  { name: 'blocked', title: "The app's event loop" },
  { name: 'snapshot', title: 'Snapshot' },
  { name: 'exposition', title: 'Prometheus endpoint' },
  { name: 'otlp', title: 'OTLP received' },
  { name: 'stream', title: 'WebSocket stream' },
  { name: 'host', title: 'Host sample' },
  { name: 'storage', title: 'Rows in Postgres' },
  { name: 'outage', title: 'The app while its database is down', loadsBuild: true },
  { name: 'spool', title: 'Opening a full spool' },
  { name: 'otlp-export', title: 'Sending by OTLP' },
  { name: 'guard', title: 'Costs that are held', ownFiles: true },
  { name: 'flood', title: 'More spans than can be taken', loadsBuild: true, onlyNamed: true },
  { name: 'attacks', title: 'Under attack', onlyNamed: true, loadsBuild: true },
  { name: 'soak', title: 'For long', loadsBuild: true, onlyNamed: true },
  {
    name: 'growth',
    title: 'Costs as things grow',
    loadsBuild: true,
    onlyNamed: true,
    ownFiles: true,
  },
  { name: 'dashboard', title: 'The dashboard in a browser' },
  { name: 'history', title: 'History over five million rows per table', onlyNamed: true },
];

const HEAD = '| what | budget | nervecenter | peers in the same run | raw |\n|---|---|---|---|---|\n';

export function table(figures: readonly Figure[]): string {
  return HEAD + figures.map(line).join('');
}

function line({ what, budget, within, ours, peers, raw }: Figure): string {
  const verdict = within === undefined ? '' : within ? ' (within)' : ' (**missed**)';
  return `| ${what} | ${budget ?? ''}${verdict} | **${ours}** | ${peers ?? ''} | ${raw} |\n`;
}

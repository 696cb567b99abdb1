// What one request, one model call, one frame and one batch of rows cost in bytes and calls, which are the same on every
// machine, beside what they cost when `guard.json` was written. `--write` writes it anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import type { Cost } from './guard/count.ts';
import { WORKS } from './guard/work.ts';
import { round } from './measure.ts';

const FILE = join(import.meta.dirname, 'guard.json');
const COUNTER = join('guard', 'count.ts');
/** Costs are held within a tenth, and one unit where they are a handful. */
const TOLERANCE = 0.1;
/**
 * No garbage is collected, and nothing is compiled but to bytecode: when a function is optimised depends on the machine, and
 * how much it then allocates on everything around it.
 */
const FLAGS = ['--min-semi-space-size=256', '--max-semi-space-size=256', '--no-opt', '--no-maglev'];

interface Held {
  /** Another version of Node counts differently. */
  readonly node: string;
  readonly costs: Readonly<Record<string, Cost>>;
}

/** What the file says. */
export function heldCosts(): Held {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Held;
}

/** The names of what is held. */
export const HELD = Object.keys(WORKS);

/** What one of it costs now. */
export async function costOf(name: string): Promise<Cost> {
  const { actions = 1, times = 1, without } = WORKS[name] ?? {};
  const nothing = { bytes: 0, calls: 0 };
  const [whole, bare] = await Promise.all([
    counted(name, 'with'),
    without === undefined ? nothing : counted(name, 'without'),
  ]);
  const each = (sum: number) => Math.round(sum / actions / times);
  return { bytes: each(whole.bytes - bare.bytes), calls: each(whole.calls - bare.calls) };
}

async function counted(name: string, variant: 'with' | 'without'): Promise<Cost> {
  const counter = new Child(COUNTER, { flags: FLAGS, args: [name, variant] });
  try {
    return await counter.next<Cost>();
  } finally {
    await counter.stop();
  }
}

/** Whether a cost is what it was. */
export function isHeld(cost: number, held: number): boolean {
  return Math.abs(cost - held) <= held * TOLERANCE + 1;
}

export async function run({ write = false } = {}): Promise<Figure[]> {
  const costs: Record<string, Cost> = {};
  for (const name of HELD) costs[name] = await costOf(name);
  if (write) {
    const held: Held = { node: process.versions.node, costs };
    writeFileSync(FILE, `${JSON.stringify(held, null, 2)}\n`);
  }
  const { costs: before } = heldCosts();
  return Object.entries(costs).map(([name, cost]) => figure(name, cost, before[name]));
}

function figure(what: string, { bytes, calls }: Cost, held: Cost | undefined): Figure {
  const text = (cost: Cost) => `${round(cost.bytes)} bytes, ${round(cost.calls)} calls`;
  return {
    what,
    budget: held === undefined ? 'none yet' : `${text(held)}, give or take a tenth`,
    within: held !== undefined && isHeld(bytes, held.bytes) && isHeld(calls, held.calls),
    ours: text({ bytes, calls }),
    raw: '',
  };
}

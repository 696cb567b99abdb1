import type { TraceItem } from '../../../../src/core/history/trace.ts';

/** A stretch of the trace, in milliseconds after its beginning. */
export type Stretch = readonly [from: number, to: number];

/** One item with what is part of it. */
export interface TraceNode {
  readonly item: TraceItem;
  readonly parent: TraceNode | null;
  /** By their beginning. */
  readonly children: readonly TraceNode[];
  /** 1 for what is part of nothing. */
  readonly level: number;
  /** While none of its children ran. */
  readonly own: readonly Stretch[];
  /** A failure is somewhere below it, not in itself. */
  readonly holdsFailure: boolean;
}

/** One line of the waterfall. */
export interface TraceLine {
  readonly node: TraceNode;
  /** Its place among its siblings that are shown, from 1, and how many these are. */
  readonly position: number;
  readonly siblings: number;
  readonly isOpen: boolean;
}

export function isFailed({ status }: Pick<TraceItem, 'status'>): boolean {
  return status === 'error';
}

/** The items as trees. What names no item of the trace as its parent, or names itself, is at the top. */
export function treesOf(items: readonly TraceItem[]): TraceNode[] {
  const known = new Set(items.map(({ id }) => id));
  const below = new Map<string | null, TraceItem[]>();
  for (const item of items) {
    const parent = item.parent_id !== null && known.has(item.parent_id) ? item.parent_id : null;
    const siblings = below.get(parent);
    if (siblings === undefined) below.set(parent, [item]);
    else siblings.push(item);
  }
  return (below.get(null) ?? []).map((item) => nodeOf(item, null, below));
}

interface Growing extends TraceNode {
  children: TraceNode[];
  holdsFailure: boolean;
}

/** Without recursion: a chain of calls may be as deep as the trace is long. */
function nodeOf(
  top: TraceItem,
  parent: TraceNode | null,
  below: ReadonlyMap<string | null, readonly TraceItem[]>,
): TraceNode {
  const root = bare(top, parent, below);
  const made: Growing[] = [root];
  for (const node of made) {
    for (const item of below.get(node.item.id) ?? []) {
      const child = bare(item, node, below);
      node.children.push(child);
      made.push(child);
    }
  }
  for (const node of made.toReversed())
    node.holdsFailure = node.children.some((child) => isFailed(child.item) || child.holdsFailure);
  return root;
}

function bare(
  item: TraceItem,
  parent: TraceNode | null,
  below: ReadonlyMap<string | null, readonly TraceItem[]>,
): Growing {
  const stretch: Stretch = [item.start_ms, item.start_ms + item.duration_ms];
  return {
    item,
    parent,
    children: [],
    level: (parent?.level ?? 0) + 1,
    own: uncovered(stretch, below.get(item.id) ?? []),
    holdsFailure: false,
  };
}

/** What of a stretch none of these items covers. */
export function uncovered([from, to]: Stretch, items: readonly TraceItem[]): Stretch[] {
  const left: Stretch[] = [];
  let reached = from;
  for (const { start_ms: start, duration_ms: took } of items.toSorted((a, b) => a.start_ms - b.start_ms)) {
    if (start >= to) break;
    if (start > reached) left.push([reached, start]);
    reached = Math.max(reached, start + took);
  }
  if (reached < to) left.push([reached, to]);
  return left;
}

export function lengthOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** The lines that are shown: what is below a closed node is not; with a search only what matches, and what it is part of. */
export function linesOf(
  trees: readonly TraceNode[],
  closed: ReadonlySet<string>,
  matches: ReadonlySet<string> | null,
): TraceLine[] {
  const lines: TraceLine[] = [];
  const shown = matches === null ? null : withAncestors(trees, matches);
  const rest: TraceLine[] = [];
  const push = (nodes: readonly TraceNode[]) => {
    const visible = shown === null ? nodes : nodes.filter(({ item }) => shown.has(item.id));
    for (let at = visible.length - 1; at >= 0; at--) {
      const node = visible[at];
      if (node === undefined) continue;
      const isOpen = node.children.length > 0 && (shown !== null || !closed.has(node.item.id));
      rest.push({ node, position: at + 1, siblings: visible.length, isOpen });
    }
  };
  push(trees);
  for (let line = rest.pop(); line !== undefined; line = rest.pop()) {
    lines.push(line);
    if (line.isOpen) push(line.node.children);
  }
  return lines;
}

function withAncestors(trees: readonly TraceNode[], matches: ReadonlySet<string>): Set<string> {
  const shown = new Set<string>();
  for (const { node } of linesOf(trees, new Set(), null)) {
    if (!matches.has(node.item.id)) continue;
    for (let one: TraceNode | null = node; one !== null && !shown.has(one.item.id); one = one.parent)
      shown.add(one.item.id);
  }
  return shown;
}

const TEXTS = new WeakMap<TraceItem, string>();

/** The ids of the items that have every word somewhere: in a name, a service, an error, an attribute; `null` without words. */
export function matching(items: readonly TraceItem[], search: string): Set<string> | null {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const found = items.filter((item) => words.every((word) => textOf(item).includes(word)));
  return new Set(found.map(({ id }) => id));
}

function textOf(item: TraceItem): string {
  let text = TEXTS.get(item);
  if (text === undefined) {
    const { kind, name, service, status, error_type: error, span_id: spanId, attributes, row } = item;
    text = JSON.stringify([kind, name, service, status, error, spanId, attributes, row]).toLowerCase();
    TEXTS.set(item, text);
  }
  return text;
}

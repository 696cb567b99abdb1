import type { TraceLine } from './tree.ts';

/** What a key does in the tree: to which line the cursor goes, or which node is opened or closed. */
export type TreeMove = { readonly to: number } | { readonly toggle: string } | { readonly choose: string };

/**
 * The keys of a tree as the ARIA practices have them.
 *
 * @param at the line of the cursor. @param page lines that a page moves by. @returns `null`: the key is not the tree's.
 */
export function moveOf(
  key: string,
  { lines, at, page }: { readonly lines: readonly TraceLine[]; readonly at: number; readonly page: number },
): TreeMove | null {
  const line = lines[at];
  if (line === undefined) return null;
  const within = (to: number): TreeMove => ({ to: Math.min(lines.length - 1, Math.max(0, to)) });
  const moves: Readonly<Record<string, () => TreeMove | null>> = {
    ArrowDown: () => within(at + 1),
    ArrowUp: () => within(at - 1),
    PageDown: () => within(at + page),
    PageUp: () => within(at - page),
    Home: () => within(0),
    End: () => within(lines.length - 1),
    ArrowRight: () => opened(line, at, within),
    ArrowLeft: () => left(line, lines),
    Enter: () => ({ choose: line.node.item.id }),
    ' ': () => ({ choose: line.node.item.id }),
  };
  return moves[key]?.() ?? null;
}

function opened(line: TraceLine, at: number, within: (to: number) => TreeMove): TreeMove | null {
  if (line.node.children.length === 0) return null;
  return line.isOpen ? within(at + 1) : { toggle: line.node.item.id };
}

function left({ node, isOpen }: TraceLine, lines: readonly TraceLine[]): TreeMove | null {
  if (isOpen) return { toggle: node.item.id };
  const to = lines.findIndex((one) => one.node === node.parent);
  return to === -1 ? null : { to };
}

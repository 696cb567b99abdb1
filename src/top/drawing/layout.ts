import type { Block, Scene, Section } from '../picture.ts';
import { fitted, joined, type Line, lineWidth, span } from './text.ts';

export interface Layout {
  readonly width: number;
  /** `null`: as many lines as there are. */
  readonly height: number | null;
}

const COLUMN_GAP = 3;

/** Two stacks side by side, each in half the width. */
export function columnsOf(
  scene: Scene,
  [left, right]: readonly [readonly Section[], readonly Section[]],
  { width, height }: Layout,
): readonly Line[] {
  const leftWidth = Math.floor((width - COLUMN_GAP) / 2);
  const rightWidth = width - COLUMN_GAP - leftWidth;
  const draw = (sections: readonly Section[], columnWidth: number) =>
    stack(
      sections.map((section) => section(scene, columnWidth)),
      { width: columnWidth, height },
    );
  const [leftLines, rightLines] = [draw(left, leftWidth), draw(right, rightWidth)];
  return Array.from({ length: Math.max(leftLines.length, rightLines.length) }, (_, i) => [
    ...fitted(leftLines[i] ?? [], leftWidth),
    span(' '.repeat(COLUMN_GAP)),
    ...fitted(rightLines[i] ?? [], rightWidth),
  ]);
}

/**
 * Blocks one below the other. Where there is not room for all their rows, each has the rows it wants first, then they share
 * what is left in turn; blocks that find no room at all are left out from the end.
 */
export function stack(blocks: readonly Block[], { width, height }: Layout): readonly Line[] {
  const shown = height === null ? blocks : withinHeight(blocks, height);
  const rows = height === null ? shown.map((block) => block.rows.length) : shareOut(shown, height);
  const lines = shown.map((block, i) => blockLines(block, rows[i] ?? 0, width));
  const used = lines.reduce((sum, { length }) => sum + length, 0);
  const isRoomy = height === null || used + shown.length - 1 <= height;
  return lines.flatMap((block, i) => (isRoomy && i > 0 ? [[], ...block] : block));
}

/** Lines that a block has with so many rows; a table's head stands only above rows. */
function linesOf({ lead = [], head }: Block, rows: number): number {
  return 1 + lead.length + rows + (head !== undefined && rows > 0 ? 1 : 0);
}

function wanted(block: Block): number {
  return Math.min(block.rowsWanted, block.rows.length);
}

function withinHeight(blocks: readonly Block[], height: number): readonly Block[] {
  let left = height;
  return blocks.filter((block) => {
    left -= linesOf(block, 0);
    return left >= 0;
  });
}

function shareOut(blocks: readonly Block[], height: number): readonly number[] {
  const rows = blocks.map(() => 0);
  let left = height - blocks.reduce((sum, block) => sum + linesOf(block, 0), 0);
  const grow = (limit: (block: Block) => number): boolean => {
    let grew = false;
    for (const [i, block] of blocks.entries()) {
      const now = rows[i] ?? 0;
      const lines = linesOf(block, now + 1) - linesOf(block, now);
      if (now >= limit(block) || lines > left) continue;
      rows[i] = now + 1;
      left -= lines;
      grew = true;
    }
    return grew;
  };
  while (grow(wanted));
  while (grow((block) => block.rows.length));
  return rows;
}

function blockLines(block: Block, rows: number, width: number): readonly Line[] {
  const { title, summary, lead = [], head, noun } = block;
  const hidden = rows > 0 && rows < block.rows.length;
  const part: Line = hidden ? [span(`  ${rows} of ${block.rows.length} ${noun}`, 'muted')] : [];
  const name = span(`${title}  `, 'title');
  // What is left out is said even where the summary has to be shorter for it.
  const room = width - lineWidth([name]) - lineWidth(part);
  const heading = [name, ...joined(summary, room), ...part];
  return [heading, ...lead, ...(head !== undefined && rows > 0 ? [head] : []), ...block.rows.slice(0, rows)];
}

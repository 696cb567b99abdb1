import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source-tree.ts';

/** A table's rows by the names in its head; code marks are taken off. */
export type Row = Readonly<Record<string, string>>;

/** The tables of a document, in order. */
export function tablesOf(path: string): Row[][] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const blocks = text.match(/(^\|.*\|[ \t]*\n?)+/gm) ?? [];
  return blocks.map((block) => {
    const [head = [], , ...rows] = block.trim().split('\n').map(cellsOf);
    return rows.map((cells) =>
      Object.fromEntries(head.map((name, i) => [name.toLowerCase(), cells[i] ?? ''])),
    );
  });
}

/** The one table whose first column holds `cell`. */
export function tableWith(path: string, cell: string): Row[] {
  const table = tablesOf(path).find((rows) => rows.some((row) => firstCell(row) === cell));
  if (table === undefined) throw new Error(`${path} has no table with ${cell} in its first column`);
  return table;
}

export function firstCell(row: Row): string {
  return Object.values(row)[0] ?? '';
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('`', ''));
}

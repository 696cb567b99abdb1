import { type Line, pad, type Span, span, widthOf } from './text.ts';

/** One column of a table. The first one is the widest and takes what the others leave. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Span;
  /** Where there is no room, the column with the highest rank goes first; 0 stays always. */
  readonly rank: number;
  /** @default 'right' */
  readonly align?: 'left' | 'right';
}

export interface Table {
  readonly head: Line;
  readonly rows: readonly Line[];
}

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

const GAP = 2;
const FIRST_WIDTH_MIN = 20;
const FIRST_WIDTH_WANTED = 28;

/** Rows as lines of at most `width` cells, all equally long. Columns keep their widths whichever rows are shown. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): Table {
  const [first, ...rest] = columns;
  if (first === undefined) return { head: [], rows: [] };
  const sized = rest.map((column) => ({ column, width: naturalWidth(column, rows) }));
  const kept = withinWidth(sized, width - FIRST_WIDTH_MIN);
  const firstWidth = Math.min(
    Math.max(FIRST_WIDTH_WANTED, naturalWidth(first, rows)),
    width - widthTogether(kept),
  );
  const all = [{ column: { align: 'left' as const, ...first }, width: firstWidth }, ...kept];
  const lineOf = (spanOf: (column: Column<Row>) => Span): Line =>
    all.flatMap(({ column, width: columnWidth }, index) => [
      ...(index === 0 ? [] : [span(' '.repeat(GAP))]),
      pad(spanOf(column), columnWidth, column.align ?? 'right'),
    ]);
  return {
    head: lineOf(({ title }) => span(title, 'muted')),
    rows: rows.map((row) => lineOf(({ cell }) => cell(row))),
  };
}

function naturalWidth<Row>({ title, cell }: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce((widest, row) => Math.max(widest, widthOf(cell(row).text)), widthOf(title));
}

function widthTogether<Row>(columns: readonly Sized<Row>[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP, 0);
}

function withinWidth<Row>(columns: readonly Sized<Row>[], width: number): readonly Sized<Row>[] {
  const last = Math.max(...columns.map(({ column }) => column.rank));
  if (widthTogether(columns) <= width || last <= 0) return columns;
  return withinWidth(
    columns.filter(({ column }) => column.rank !== last),
    width,
  );
}

import { toCsv } from '../../../../src/core/history/csv.ts';
import type { ChartRows } from './table.ts';

/** As spreadsheets read it: one row per time in ISO 8601, UTC. */
export function chartCsv({ columns, rows }: ChartRows): string {
  const names = ['time', ...columns];
  return toCsv(
    names,
    rows.map(({ ms, values }) =>
      Object.fromEntries(names.map((name, at) => [name, at === 0 ? iso(ms) : (values[at - 1] ?? null)])),
    ),
  );
}

export function chartJson(name: string, { columns, rows }: ChartRows): string {
  return JSON.stringify(
    { name, columns: ['time', ...columns], rows: rows.map(({ ms, values }) => [iso(ms), ...values]) },
    null,
    1,
  );
}

/** `p95-latency-in-milliseconds.csv` */
export function fileName(name: string, extension: string): string {
  const stem = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80);
  return `${stem || 'chart'}.${extension}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

import { toCsv } from '../../../../src/core/history/csv.ts';
import { paletteOf } from './palette.ts';
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

/** The drawing with its title and the theme's background. `null` when the browser cannot make one. */
export async function chartPng(name: string, canvas: HTMLCanvasElement): Promise<Blob | null> {
  const scale = devicePixelRatio;
  const titleHeight = 34 * scale;
  const picture = document.createElement('canvas');
  picture.width = canvas.width;
  picture.height = canvas.height + titleHeight;
  const context = picture.getContext('2d');
  if (context === null) return null;
  const palette = paletteOf(canvas);
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = palette.ink;
  context.font = `600 ${14 * scale}px system-ui, sans-serif`;
  context.fillText(name, 12 * scale, 22 * scale, picture.width - 24 * scale);
  context.drawImage(canvas, 0, titleHeight);
  return new Promise((resolve) => picture.toBlob(resolve, 'image/png'));
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

export function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Later, so that the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

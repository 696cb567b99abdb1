import { bytes, formatOf, percent, quantity, timeSpan } from '../format.ts';

/** How a gauge's values are written: their unit is the end of its name. */
export function gaugeFormat(metric: string): (value: number) => string {
  if (metric.endsWith('_percent')) return percent;
  if (metric.endsWith('_bytes_per_second')) return (value) => `${bytes(value)}/s`;
  if (metric.endsWith('_bytes')) return bytes;
  if (metric.endsWith('_ms')) return timeSpan;
  return quantity;
}

/** How the values of an answer are written. */
export function valueFormat(unit: string, metric: string | undefined): (value: number) => string {
  return metric === undefined || unit !== 'as stored' ? formatOf(unit) : gaugeFormat(metric);
}

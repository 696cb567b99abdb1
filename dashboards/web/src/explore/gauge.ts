/** The unit of a gauge's values: the end of its name. */
function gaugeUnit(metric: string): string {
  if (metric.endsWith('_percent')) return 'percent';
  if (metric.endsWith('_bytes_per_second')) return 'bytes/s';
  if (metric.endsWith('_bytes')) return 'bytes';
  if (metric.endsWith('_ms')) return 'ms';
  return '';
}

/** The unit that the values of an answer are written in. */
export function unitOf(unit: string, metric: string | undefined): string {
  return metric === undefined || unit !== 'as stored' ? unit : gaugeUnit(metric);
}

/** Numbers as both text formats write them. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/** From a million on, and below a ten-thousandth, with an exponent: `%g` of C. */
const DECIMAL_MIN = 1e-4;
const DECIMAL_MAX = 1e6;

/**
 * A boundary of a bucket as OpenMetrics wants it and Prometheus itself writes it where it makes the label: `le` is compared as
 * text, so it must be the same whatever format is scraped.
 */
export function boundaryText(boundary: number): string {
  if (boundary >= DECIMAL_MIN && boundary < DECIMAL_MAX) return String(boundary);
  const [digits = '', exponent = ''] = boundary.toExponential().split('e');
  const magnitude = exponent.slice(1).padStart(2, '0');
  return `${digits}e${exponent.charAt(0)}${magnitude}`;
}

/** Seconds with milliseconds behind the point. */
export function secondsText(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

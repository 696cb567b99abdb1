export type Level = 'good' | 'warning' | 'critical';

export const WARNING_PERCENT = 70;
export const CRITICAL_PERCENT = 90;

/** What a percentage of a resource means: above 70 a warning, above 90 critical. */
export function levelOf(percent: number): Level {
  if (percent > CRITICAL_PERCENT) return 'critical';
  if (percent > WARNING_PERCENT) return 'warning';
  return 'good';
}

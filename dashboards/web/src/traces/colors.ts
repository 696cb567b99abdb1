import type { TraceService } from '../../../../src/core/history/trace.ts';

/** In the order in which services get them. Red is for what failed. */
const COLORS = ['cyan', 'amber', 'violet', 'green', 'magenta', 'blue', 'orange'] as const;

/** A service's colour as CSS; from the eighth service on two have the same, and their names beside it. */
export function colorsOf(services: readonly TraceService[]): (service: string | null) => string {
  const colors = new Map(
    services.map(({ service }, at) => [service, `var(--series-${COLORS[at % COLORS.length]})`]),
  );
  return (service) => colors.get(service) ?? 'var(--muted)';
}

/** A service's name; the collector knows none of rows of other writers. */
export const serviceName = (service: string | null): string => service ?? 'no service';

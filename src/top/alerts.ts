/** What `top` shows of one alert that is not at rest. */
export interface ShownAlert {
  readonly name: string;
  readonly group: string;
  readonly severity: 'warning' | 'critical';
  readonly state: 'firing' | 'pending';
  readonly sinceMs: number;
  readonly value: number | null;
  readonly unit: string;
}

/** Alerts as last asked for; `problem` says why they are not known. */
export interface Alerts {
  readonly rules: number;
  readonly active: readonly ShownAlert[];
  readonly problem: string | null;
}

export const NO_ALERTS: Alerts = { rules: 0, active: [], problem: 'not asked yet' };

type Fields = Readonly<Record<string, unknown>>;

/** The alerts in an answer of `/api/metrics/alerts`, firing ones first; `null` when it is none. */
export function readAlerts(answer: unknown): Alerts | null {
  const rules = isFields(answer) ? answer['rules'] : undefined;
  if (!Array.isArray(rules)) return null;
  const active = rules.filter(isFields).flatMap(activeOf);
  active.sort((a, b) => urgency(a) - urgency(b) || a.sinceMs - b.sinceMs);
  return { rules: rules.length, active, problem: null };
}

function activeOf(rule: Fields): ShownAlert[] {
  const instances = Array.isArray(rule['instances']) ? rule['instances'].filter(isFields) : [];
  return instances.flatMap(({ state, group, since_ms, value }): ShownAlert[] => {
    if (state !== 'firing' && state !== 'pending') return [];
    return [
      {
        name: textOf(rule['name']),
        group: textOf(group),
        severity: rule['severity'] === 'critical' ? 'critical' : 'warning',
        state,
        sinceMs: numberOf(since_ms) ?? 0,
        value: numberOf(value),
        unit: textOf(rule['unit']),
      },
    ];
  });
}

function urgency({ state, severity }: ShownAlert): number {
  return (state === 'firing' ? 0 : 2) + (severity === 'critical' ? 0 : 1);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

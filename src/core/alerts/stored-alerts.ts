import type { AlertChange, AlertInstance } from './alert-state.ts';
import type { AlertRule, AlertSeverity, Webhook } from './rule.ts';

/** A change of state, as the history keeps it. */
export interface AlertEvent {
  readonly id: string;
  readonly rule: string;
  readonly name: string;
  readonly severity: AlertSeverity;
  readonly group: string;
  readonly change: AlertChange;
  readonly level: number;
  readonly value: number | null;
  /** When the firing began, in milliseconds since 1970. */
  readonly since_ms: number;
  readonly at_ms: number;
}

/** A message on its way, kept until it is delivered or given up. */
export interface Delivery {
  readonly id: string;
  readonly webhook: Webhook;
  readonly body: string;
}

export interface StoredInstance extends AlertInstance {
  readonly rule: string;
  readonly group: string;
}

export interface StoredAlerts {
  readonly rules: readonly AlertRule[];
  /** Until when nobody is told of a rule, in milliseconds since 1970. */
  readonly silences: ReadonlyMap<string, number>;
  readonly instances: readonly StoredInstance[];
  /** Whether these are all there are. */
  readonly instancesComplete: boolean;
  readonly deliveries: readonly Delivery[];
}

/** What one look at all rules changed. */
export interface AlertChanges {
  readonly instances: readonly StoredInstance[];
  readonly gone: readonly { readonly rule: string; readonly group: string }[];
  readonly events: readonly AlertEvent[];
  readonly deliveries: readonly Delivery[];
}

export interface AlertEventsQuery {
  readonly fromMs: number;
  readonly toMs: number;
  /** At most 1,000. */
  readonly limit: number;
}

/** Where rules and what became of them are kept. Every method throws `NC_UNAVAILABLE` while there is no server. */
export interface AlertStore {
  /**
   * Takes or keeps the one seat among all collectors on this database, and reads what is kept. The seat is free when its
   * holder has not come for `seatMs`.
   */
  enter(holder: string, seatMs: number): Promise<{ readonly seated: boolean; readonly stored: StoredAlerts }>;
  /** Gives the seat back, so that the next collector need not wait. */
  leave(holder: string): Promise<void>;
  /** False where another has the seat by now: then nothing is kept. */
  save(holder: string, changes: AlertChanges): Promise<boolean>;
  /** The delivery has ended. */
  settle(deliveryId: string): Promise<void>;
  /** False when it is new and there are so many already: then nothing is kept. */
  saveRule(rule: AlertRule, rulesMax: number): Promise<boolean>;
  /** False when there was none. */
  deleteRule(id: string): Promise<boolean>;
  /** @param untilMs `null` ends the silence. */
  silence(rule: string, untilMs: number | null): Promise<void>;
  /** Changes in the time, and firings that reach into it; newest first. */
  events(query: AlertEventsQuery): Promise<readonly AlertEvent[]>;
}

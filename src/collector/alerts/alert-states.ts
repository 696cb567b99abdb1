import {
  type AlertInstance,
  type AlertStep,
  firstInstance,
  stepAlert,
} from '../../core/alerts/alert-state.ts';
import type { AlertRule } from '../../core/alerts/rule.ts';
import type { AlertChanges, AlertEvent, Delivery, StoredInstance } from '../../core/alerts/stored-alerts.ts';
import { parseDuration } from '../../core/history/time.ts';
import { type AlertNotice, webhookBody } from './message.ts';
import type { Observed } from './observe.ts';

/** Changes not stored yet; at the bound the oldest is forgotten and counted. */
const UNSAVED_MAX = 1000;

export interface AlertStatesOptions {
  readonly service: string;
  readonly newId: () => string;
  readonly now: () => number;
}

/** How every group of every rule stands, and what of it the store and the people have yet to be told. */
export class AlertStates {
  readonly #options: AlertStatesOptions;
  readonly #instances = new Map<string, StoredInstance>();
  readonly #dirty = new Set<string>();
  /** Those that the store has. */
  readonly #kept = new Set<string>();
  readonly #gone = new Map<string, { rule: string; group: string }>();
  #events: AlertEvent[] = [];
  #deliveries: Delivery[] = [];
  eventsDropped = 0;

  constructor(options: AlertStatesOptions) {
    this.#options = options;
  }

  all(): StoredInstance[] {
    return [...this.#instances.values()];
  }

  of(ruleId: string): StoredInstance[] {
    return this.all().filter(({ rule }) => rule === ruleId);
  }

  /**
   * Takes what others left, except where this collector went on by itself while nobody could be asked.
   *
   * @param discard what this collector went on with is void: another one judges.
   */
  adopt(instances: readonly StoredInstance[], discard: boolean): void {
    if (discard) this.#dirty.clear();
    for (const key of this.#instances.keys()) if (!this.#dirty.has(key)) this.#instances.delete(key);
    this.#kept.clear();
    for (const instance of instances) {
      const key = keyOf(instance.rule, instance.group);
      this.#kept.add(key);
      if (!this.#dirty.has(key)) this.#instances.set(key, instance);
    }
  }

  /**
   * Forgets without a word what the store had and has no more: nobody takes it from there but whoever has a user forgotten.
   *
   * @param instances all that the store has.
   */
  dropForgotten(instances: readonly StoredInstance[]): void {
    const stored = new Set(instances.map(({ rule, group }) => keyOf(rule, group)));
    for (const key of this.#kept) {
      if (stored.has(key)) continue;
      this.#kept.delete(key);
      if (this.#gone.has(key)) continue;
      this.#instances.delete(key);
      this.#dirty.delete(key);
      this.#events = this.#events.filter(({ rule, group }) => keyOf(rule, group) !== key);
    }
  }

  /** Judges one group of a rule; nobody is told while it is silenced. */
  step(rule: AlertRule, { group, value, level }: Observed, silenced: boolean): void {
    const nowMs = this.#options.now();
    const key = keyOf(rule.id, group);
    const before = this.#instances.get(key) ?? firstInstance(nowMs);
    const forMs = parseDuration(rule.for) ?? 0;
    const step = stepAlert(before, { level, value, nowMs, forMs, silenced });
    if (step.next.state === 'ok' && value === null && group !== '') this.forget(rule.id, group);
    else this.#instances.set(key, { ...step.next, rule: rule.id, group });
    if (differs(before, step.next)) this.#dirty.add(key);
    this.#tell(rule, group, step, before);
  }

  forget(rule: string, group: string): void {
    const key = keyOf(rule, group);
    this.#instances.delete(key);
    this.#gone.set(key, { rule, group });
  }

  /** Messages that nobody has sent yet, which are the caller's now. */
  takeDeliveries(): readonly Delivery[] {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    return deliveries;
  }

  /** What the store has yet to be told; it stays so until `saved`. */
  unsaved(): Omit<AlertChanges, 'deliveries'> {
    return {
      instances: [...this.#dirty].flatMap((key) => this.#instances.get(key) ?? []),
      gone: [...this.#gone.values()],
      events: this.#events,
    };
  }

  saved(): void {
    for (const key of this.#gone.keys()) this.#kept.delete(key);
    for (const key of this.#dirty) if (this.#instances.has(key)) this.#kept.add(key);
    this.#events = [];
    this.#gone.clear();
    this.#dirty.clear();
  }

  #tell(rule: AlertRule, group: string, { next, change, notice }: AlertStep, before: AlertInstance): void {
    const { newId, now, service } = this.#options;
    const atMs = now();
    if (change !== null) {
      const sinceMs = change === 'resolved' ? before.sinceMs : next.sinceMs;
      const level = change === 'resolved' ? before.peak : next.level;
      this.#keep({
        id: newId(),
        rule: rule.id,
        name: rule.name,
        severity: rule.severity,
        group,
        change,
        level,
        value: next.value,
        since_ms: Math.min(sinceMs, atMs),
        at_ms: atMs,
      });
    }
    if (notice === null) return;
    for (const webhook of rule.webhooks) {
      const told: AlertNotice = {
        id: newId(),
        kind: notice,
        rule,
        group,
        value: next.value,
        level: next.level,
        atMs,
        service,
      };
      this.#deliveries.push({ id: told.id, webhook, body: webhookBody(told, webhook.format) });
    }
  }

  #keep(event: AlertEvent): void {
    this.#events.push(event);
    if (this.#events.length <= UNSAVED_MAX) return;
    this.#events.shift();
    this.eventsDropped++;
  }
}

function keyOf(rule: string, group: string): string {
  return `${rule}\0${group}`;
}

/** Whether it is worth storing: the value alone is not, it changes with every look. */
function differs(a: AlertInstance, b: AlertInstance): boolean {
  return a.state !== b.state || a.sinceMs !== b.sinceMs || a.peak !== b.peak || a.notified !== b.notified;
}

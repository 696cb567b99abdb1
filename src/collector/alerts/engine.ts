import type { AlertRule } from '../../core/alerts/rule.ts';
import type { AlertStore, Delivery, StoredInstance } from '../../core/alerts/stored-alerts.ts';
import { describeError, NervecenterError } from '../../core/errors.ts';
import { parseDuration } from '../../core/history/time.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import { AlertStates, type AlertStatesOptions } from './alert-states.ts';
import { type ObservationSources, type Observed, observe } from './observe.ts';

export interface EngineOptions extends ObservationSources, AlertStatesOptions {
  /** `null`: nothing is stored, so that only rules of health can be judged. */
  readonly store: AlertStore | null;
  readonly fileRules: readonly AlertRule[];
  readonly deliver: (deliveries: readonly Delivery[]) => void;
  /** Who this collector is, a UUID. */
  readonly holder: string;
  readonly intervalMs: number;
  readonly log: Log;
}

/** How a rule stands. */
export interface RuleStatus {
  readonly rule: AlertRule;
  readonly origin: 'file' | 'stored';
  readonly silencedUntilMs: number | null;
  readonly instances: readonly StoredInstance[];
  /** Why it could not be judged last time; `null` when it could. */
  readonly problem: string | null;
  /** There are more groups than are watched. */
  readonly foldedGroups: boolean;
}

/** A storage that does not come up does not keep the rules of health waiting for longer. */
const PATIENCE_MS = 30 * SECOND_MS;
/** The seat is free when its holder missed so many rounds. */
const SEAT_ROUNDS = 3;
/** A window is looked at so often while it passes, but not more often than the interval or less often than a minute. */
const LOOKS_PER_WINDOW = 60;

type RulesById = Map<string, { readonly rule: AlertRule; readonly origin: RuleStatus['origin'] }>;

/**
 * Judges every rule in turn, in one collector of all that share a database, and keeps what follows: in memory first, so
 * that alerts go on while the database is away, then in the store.
 */
export class AlertEngine {
  readonly #options: EngineOptions;
  readonly #states: AlertStates;
  readonly #dueMs = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  readonly #folded = new Set<string>();
  readonly #startedMs: number;
  /** The store fails. */
  readonly #unkept: Condition;
  #stored: readonly AlertRule[] = [];
  #silences: ReadonlyMap<string, number> = new Map();
  #seated: boolean;
  #reached: boolean;
  #round: Promise<void> | null = null;
  evaluatedMs: number | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#states = new AlertStates(options);
    this.#startedMs = options.now();
    this.#unkept = new Condition(options.log, 'alerts');
    this.#seated = options.store === null;
    this.#reached = options.store === null;
  }

  /** Whether this collector is the one that judges. */
  get seated(): boolean {
    return this.#seated;
  }

  /** Changes that were never stored. */
  get eventsDropped(): number {
    return this.#states.eventsDropped;
  }

  statuses(): RuleStatus[] {
    const nowMs = this.#options.now();
    return [...this.#rules().values()].map(({ rule, origin }) => {
      const until = this.#silences.get(rule.id) ?? 0;
      return {
        rule,
        origin,
        silencedUntilMs: until > nowMs ? until : null,
        instances: this.#states.of(rule.id),
        problem: this.#problems.get(rule.id) ?? null,
        foldedGroups: this.#folded.has(rule.id),
      };
    });
  }

  /** Judges what is due; one round at a time. Never rejects. */
  async round(): Promise<void> {
    this.#round ??= this.#once().finally(() => {
      this.#round = null;
    });
    await this.#round;
  }

  /** A rule was saved, removed or silenced: a round begins at once. */
  async changed(ruleId: string): Promise<void> {
    await this.#round;
    this.#problems.delete(ruleId);
    this.#folded.delete(ruleId);
    await this.round();
  }

  /** Silence without storage lasts as long as this process. */
  silenceHere(ruleId: string, untilMs: number | null): void {
    const silences = new Map(this.#silences);
    if (untilMs === null) silences.delete(ruleId);
    else silences.set(ruleId, untilMs);
    this.#silences = silences;
  }

  /** Waits for the round under way and gives up the seat. */
  async leave(): Promise<void> {
    await this.#round;
    if (!this.#seated) return;
    await this.#options.store?.leave(this.#options.holder).catch(() => {}); // The seat falls free by itself.
  }

  async #once(): Promise<void> {
    try {
      await this.#enter();
      this.#unkept.end('Alerts are kept again.');
    } catch (error) {
      this.#fails(error);
    }
    const waits = !this.#reached && this.#options.now() - this.#startedMs < PATIENCE_MS;
    if (waits || (this.#reached && !this.#seated)) return;
    await this.#judgeAll();
    await this.#save();
  }

  async #enter(): Promise<void> {
    const { store, holder, intervalMs } = this.#options;
    if (store === null) return;
    const { seated, stored } = await store.enter(holder, SEAT_ROUNDS * intervalMs);
    this.#reached = true;
    this.#take(stored.rules);
    this.#silences = stored.silences;
    if (!seated || !this.#seated) {
      this.#states.adopt(stored.instances, !seated);
      if (seated) this.#options.deliver(stored.deliveries);
    } else if (stored.instancesComplete) this.#states.dropForgotten(stored.instances);
    this.#seated = seated;
  }

  /** A rule that was changed, here or at another collector, is judged at once. */
  #take(rules: readonly AlertRule[]): void {
    const before = new Map(this.#stored.map((rule) => [rule.id, JSON.stringify(rule)]));
    for (const rule of rules) if (before.get(rule.id) !== JSON.stringify(rule)) this.#dueMs.delete(rule.id);
    this.#stored = rules;
  }

  async #judgeAll(): Promise<void> {
    const rules = this.#rules();
    for (const { rule } of rules.values()) {
      const nowMs = this.#options.now();
      if (!rule.enabled || nowMs < (this.#dueMs.get(rule.id) ?? 0)) continue;
      this.#dueMs.set(rule.id, nowMs + lookEveryMs(rule, this.#options.intervalMs));
      await this.#judge(rule);
    }
    // Without the stored rules nobody knows which are gone.
    if (this.#reached) this.#retire(rules);
    this.evaluatedMs = this.#options.now();
  }

  async #judge(rule: AlertRule): Promise<void> {
    try {
      const { groups, folded } = await observe(rule, this.#options);
      this.#problems.delete(rule.id);
      if (folded) this.#folded.add(rule.id);
      else this.#folded.delete(rule.id);
      const seen = new Set(groups.map(({ group }) => group));
      for (const one of groups) this.#step(rule, one);
      for (const { group } of this.#states.of(rule.id)) {
        if (!seen.has(group)) this.#step(rule, { group, value: null, level: 0 });
      }
    } catch (error) {
      // Not knowing is no reason to say that all is well: states stay as they are.
      this.#problems.set(rule.id, describeError(error));
    }
  }

  #step(rule: AlertRule, observed: Observed): void {
    const silenced = (this.#silences.get(rule.id) ?? 0) > this.#options.now();
    this.#states.step(rule, observed, silenced);
  }

  /** Alerts of rules that are switched off or gone end; what had been told to fire is told to be resolved, if anybody is left to tell. */
  #retire(rules: RulesById): void {
    for (const { rule: id, group, state } of this.#states.all()) {
      const rule = rules.get(id)?.rule;
      if (rule?.enabled) continue;
      const last = rule ?? removedRule(id);
      if (state === 'firing') this.#step(last, { group, value: null, level: 0 });
      this.#states.forget(id, group);
    }
  }

  /** First stored, then sent: what is sent twice can be told by its id, what is never sent cannot. */
  async #save(): Promise<void> {
    const { store, deliver, holder } = this.#options;
    const deliveries = this.#states.takeDeliveries();
    const changes = { ...this.#states.unsaved(), deliveries };
    const isNothing = Object.values(changes).every(({ length }) => length === 0);
    if (store !== null && !isNothing) {
      try {
        this.#seated = await store.save(holder, changes);
        this.#states.saved();
        // Another took the seat before that, and judges, keeps and tells the same.
        if (!this.#seated) return this.#states.adopt([], true);
        this.#unkept.end('Alerts are kept again.');
      } catch (error) {
        this.#fails(error); // Tried again with the next round.
      }
    }
    deliver(deliveries);
  }

  /** A rule of the file comes before a stored one of the same id. */
  #rules(): RulesById {
    const rules: RulesById = new Map(this.#stored.map((rule) => [rule.id, { rule, origin: 'stored' }]));
    for (const rule of this.#options.fileRules) rules.set(rule.id, { rule, origin: 'file' });
    return rules;
  }

  #fails(error: unknown): void {
    // Storage that is down says so itself.
    if (error instanceof NervecenterError && error.code === 'NC_UNAVAILABLE') return;
    this.#unkept.begin(
      `Alerts cannot be kept: ${describeError(error)}. Rules of health and those of the file go on in memory.`,
    );
  }
}

function lookEveryMs({ condition }: AlertRule, intervalMs: number): number {
  if (condition.kind === 'health') return 0;
  const windowMs = condition.kind === 'budget' ? HOUR_MS : (parseDuration(condition.window) ?? HOUR_MS);
  // A little less, so that a timer that comes early does not miss its turn.
  return Math.min(Math.max(windowMs / LOOKS_PER_WINDOW, intervalMs), MINUTE_MS) - intervalMs / 2;
}

/** In place of a rule that nobody has any more: its alerts end in the history, and nobody is told. */
function removedRule(id: string): AlertRule {
  const condition = { kind: 'health', issue: '' } as const;
  return { id, name: id, enabled: false, severity: 'warning', condition, for: '0', webhooks: [] };
}

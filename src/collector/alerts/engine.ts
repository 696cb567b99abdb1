import { type AlertRule, levelOf } from '../../core/alerts/rule.ts';
import { type AlertInstance, type AlertStep, firstInstance, stepAlert } from '../../core/alerts/state.ts';
import type {
  AlertEvent,
  AlertStore,
  Delivery,
  StoredAlerts,
  StoredInstance,
} from '../../core/alerts/stored-alerts.ts';
import { describeError, NervecenterError } from '../../core/errors.ts';
import type { HistoryAnswer, HistoryQuery } from '../../core/history/query.ts';
import { parseDuration } from '../../core/history/time.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import { type AlertNotice, webhookBody } from './message.ts';
import { questionOf } from './question.ts';

export interface EngineOptions {
  /** `null`: nothing is stored, so that only rules of health can be judged. */
  readonly store: AlertStore | null;
  readonly history: ((query: HistoryQuery) => Promise<HistoryAnswer>) | null;
  /** What health says now. */
  readonly issues: () => readonly string[];
  readonly fileRules: readonly AlertRule[];
  readonly deliver: (deliveries: readonly Delivery[]) => void;
  readonly service: string;
  /** Who this collector is, a UUID. */
  readonly holder: string;
  readonly newId: () => string;
  readonly now: () => number;
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

/** Changes not stored yet; at the bound the oldest is forgotten and counted. */
const UNSAVED_MAX = 1000;
/** A storage that does not come up does not keep the rules of health waiting for longer. */
const PATIENCE_MS = 30 * SECOND_MS;
/** The seat is free when its holder missed so many rounds. */
const SEAT_ROUNDS = 3;
/** A window is looked at so often while it passes, but not more often than the interval or less often than a minute. */
const LOOKS_PER_WINDOW = 60;
const FOLDED = '<other>';

type RulesById = Map<string, { readonly rule: AlertRule; readonly origin: RuleStatus['origin'] }>;

interface Observed {
  readonly group: string;
  readonly value: number | null;
  readonly level: number;
}

/**
 * Judges every rule in turn, in one collector of all that share a database, and keeps what follows: in memory first, so
 * that alerts go on while the database is away, then in the store.
 */
export class AlertEngine {
  readonly #options: EngineOptions;
  readonly #instances = new Map<string, StoredInstance>();
  readonly #dirty = new Set<string>();
  readonly #gone = new Map<string, { rule: string; group: string }>();
  readonly #dueMs = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  readonly #folded = new Set<string>();
  readonly #startedMs: number;
  /** The store fails. */
  readonly #unkept: Condition;
  #stored: readonly AlertRule[] = [];
  #silences: ReadonlyMap<string, number> = new Map();
  #events: AlertEvent[] = [];
  #deliveries: Delivery[] = [];
  #seated: boolean;
  #reached: boolean;
  #round: Promise<void> | null = null;
  evaluatedMs: number | null = null;
  eventsDropped = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#startedMs = options.now();
    this.#unkept = new Condition(options.log, 'alerts');
    this.#seated = options.store === null;
    this.#reached = options.store === null;
  }

  /** Whether this collector is the one that judges. */
  get seated(): boolean {
    return this.#seated;
  }

  statuses(): RuleStatus[] {
    const nowMs = this.#options.now();
    return [...this.#rules().values()].map(({ rule, origin }) => {
      const until = this.#silences.get(rule.id) ?? 0;
      return {
        rule,
        origin,
        silencedUntilMs: until > nowMs ? until : null,
        instances: this.#instancesOf(rule.id),
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
    if (!seated || !this.#seated) this.#adopt(stored, seated);
    this.#seated = seated;
  }

  /** A rule that was changed, here or at another collector, is judged at once. */
  #take(rules: readonly AlertRule[]): void {
    const before = new Map(this.#stored.map((rule) => [rule.id, JSON.stringify(rule)]));
    for (const rule of rules) if (before.get(rule.id) !== JSON.stringify(rule)) this.#dueMs.delete(rule.id);
    this.#stored = rules;
  }

  /** What others left, except where this collector went on by itself while nobody could be asked. */
  #adopt({ instances, deliveries }: StoredAlerts, seated: boolean): void {
    if (!seated) this.#dirty.clear();
    for (const key of this.#instances.keys()) if (!this.#dirty.has(key)) this.#instances.delete(key);
    for (const instance of instances) {
      const key = keyOf(instance.rule, instance.group);
      if (!this.#dirty.has(key)) this.#instances.set(key, instance);
    }
    if (seated) this.#options.deliver(deliveries);
  }

  async #judgeAll(): Promise<void> {
    const rules = this.#rules();
    for (const { rule } of rules.values()) {
      const nowMs = this.#options.now();
      if (!rule.enabled || nowMs < (this.#dueMs.get(rule.id) ?? 0)) continue;
      this.#dueMs.set(rule.id, nowMs + this.#lookEveryMs(rule));
      await this.#judge(rule);
    }
    // Without the stored rules nobody knows which are gone.
    if (this.#reached) this.#retire(rules);
    this.evaluatedMs = this.#options.now();
  }

  async #judge(rule: AlertRule): Promise<void> {
    try {
      const observed = await this.#observe(rule);
      this.#problems.delete(rule.id);
      const seen = new Set(observed.map(({ group }) => group));
      for (const one of observed) this.#step(rule, one);
      for (const { group } of this.#instancesOf(rule.id)) {
        if (!seen.has(group)) this.#step(rule, { group, value: null, level: 0 });
      }
    } catch (error) {
      // Not knowing is no reason to say that all is well: states stay as they are.
      this.#problems.set(rule.id, describeError(error));
    }
  }

  async #observe(rule: AlertRule): Promise<Observed[]> {
    const { condition } = rule;
    const { history, issues, now } = this.#options;
    if (condition.kind === 'health') {
      const applies = issues().includes(condition.issue);
      return [{ group: '', value: applies ? 1 : 0, level: applies ? 1 : 0 }];
    }
    if (history === null)
      throw new NervecenterError(
        'NC_UNAVAILABLE',
        'Storage is off (NERVECENTER_STORAGE): there is no history.',
      );
    const { query, counts } = questionOf(condition, now());
    const values = valuesOf(await history(query));
    const events = counts === null ? null : valuesOf(await history(counts));
    if (values.delete(FOLDED)) this.#folded.add(rule.id);
    else this.#folded.delete(rule.id);
    const enough = (group: string) =>
      events === null || condition.kind !== 'threshold' || (events.get(group) ?? 0) >= condition.min_count;
    return [...values].map(([group, value]) => {
      return { group, value, level: enough(group) ? levelOf(condition, value) : 0 };
    });
  }

  #step(rule: AlertRule, { group, value, level }: Observed): void {
    const nowMs = this.#options.now();
    const key = keyOf(rule.id, group);
    const before = this.#instances.get(key) ?? firstInstance(nowMs);
    const forMs = parseDuration(rule.for) ?? 0;
    const silenced = (this.#silences.get(rule.id) ?? 0) > nowMs;
    const step = stepAlert(before, { level, value, nowMs, forMs, silenced });
    if (step.next.state === 'ok' && value === null && group !== '') this.#forget(rule.id, group);
    else this.#instances.set(key, { ...step.next, rule: rule.id, group });
    if (differs(before, step.next)) this.#dirty.add(key);
    this.#tell(rule, group, step, before);
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

  /** Alerts of rules that are switched off or gone end; what had been told to fire is told to be resolved, if anybody is left to tell. */
  #retire(rules: RulesById): void {
    for (const { rule: id, group, state } of [...this.#instances.values()]) {
      const rule = rules.get(id)?.rule;
      if (rule?.enabled) continue;
      const last = rule ?? removedRule(id);
      if (state === 'firing') this.#step(last, { group, value: null, level: 0 });
      this.#forget(id, group);
    }
  }

  #forget(rule: string, group: string): void {
    const key = keyOf(rule, group);
    this.#instances.delete(key);
    this.#gone.set(key, { rule, group });
  }

  /** First stored, then sent: what is sent twice can be told by its id, what is never sent cannot. */
  async #save(): Promise<void> {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    const { store, deliver } = this.#options;
    const events = this.#events;
    const gone = [...this.#gone.values()];
    const keys = [...this.#dirty];
    const instances = keys.flatMap((key) => this.#instances.get(key) ?? []);
    const isNothing = events.length + gone.length + instances.length + deliveries.length === 0;
    if (store !== null && !isNothing) {
      try {
        await store.save({ instances, gone, events, deliveries });
        this.#events = [];
        this.#gone.clear();
        this.#dirty.clear();
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

  #instancesOf(ruleId: string): StoredInstance[] {
    return [...this.#instances.values()].filter(({ rule }) => rule === ruleId);
  }

  #lookEveryMs({ condition }: AlertRule): number {
    const { intervalMs } = this.#options;
    if (condition.kind === 'health') return 0;
    const windowMs = condition.kind === 'budget' ? HOUR_MS : (parseDuration(condition.window) ?? HOUR_MS);
    // A little less, so that a timer that comes early does not miss its turn.
    return Math.min(Math.max(windowMs / LOOKS_PER_WINDOW, intervalMs), MINUTE_MS) - intervalMs / 2;
  }

  #fails(error: unknown): void {
    // Storage that is down says so itself.
    if (error instanceof NervecenterError && error.code === 'NC_UNAVAILABLE') return;
    this.#unkept.begin(
      `Alerts cannot be kept: ${describeError(error)}. Rules of health and those of the file go on in memory.`,
    );
  }
}

function keyOf(rule: string, group: string): string {
  return `${rule}\0${group}`;
}

function valuesOf({ series }: HistoryAnswer): Map<string, number | null> {
  return new Map(series.map(({ group, points }) => [Object.values(group)[0] ?? '', points[0]?.[1] ?? null]));
}

/** Whether it is worth storing: the value alone is not, it changes with every look. */
function differs(a: AlertInstance, b: AlertInstance): boolean {
  return a.state !== b.state || a.sinceMs !== b.sinceMs || a.peak !== b.peak || a.notified !== b.notified;
}

/** In place of a rule that nobody has any more: its alerts end in the history, and nobody is told. */
function removedRule(id: string): AlertRule {
  const condition = { kind: 'health', issue: '' } as const;
  return { id, name: id, enabled: false, severity: 'warning', condition, for: '0', webhooks: [] };
}

import { randomUUID } from 'node:crypto';
import type { WebhookHost } from '../../config/webhook-hosts.ts';
import { worstState } from '../../core/alerts/alert-state.ts';
import { type AlertRule, limitsOf, RULES_MAX, type Webhook } from '../../core/alerts/rule.ts';
import type { AlertStore, StoredInstance } from '../../core/alerts/stored-alerts.ts';
import { NervecenterError } from '../../core/errors.ts';
import { HEALTH_ISSUES } from '../../core/health.ts';
import type { HistoryAnswer, HistoryQuery } from '../../core/history/query.ts';
import { parseInstant } from '../../core/history/time.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import type { Log } from '../log.ts';
import { AlertEngine, type RuleStatus } from './engine.ts';
import { type AlertNotice, unitOf, webhookBody } from './message.ts';
import { Notifier, type NotifierOptions } from './notifier.ts';
import { parseAlertRule } from './parse-rule.ts';
import { ALERT_PRESETS } from './presets.ts';
import { problemsOfAddresses, refusedHosts } from './webhook-checks.ts';
import { WebhookSender, type WebhookSenderOptions } from './webhook-sender.ts';

/** In place of what is hidden of an address. */
const HIDDEN = '/…';

export interface AlertServiceOptions {
  /** `null`: storage is off. */
  readonly store: AlertStore | null;
  readonly history: ((query: HistoryQuery) => Promise<HistoryAnswer>) | null;
  readonly issues: () => readonly string[];
  readonly fileRules: readonly AlertRule[];
  /** What stands for a user in rows; `null`: nothing does. */
  readonly hideUser: ((user: string) => string) | null;
  readonly service: string;
  readonly intervalMs: number;
  /** Where webhooks may be, besides the Internet. */
  readonly webhookHosts: readonly WebhookHost[];
  readonly log: Log;
  /** How webhooks are found and tried again. */
  readonly sending?: Pick<NotifierOptions, 'firstPauseMs'> &
    Pick<WebhookSenderOptions, 'resolve' | 'timeoutMs'>;
}

const EVENTS_MAX = 1000;
const SILENCE_MINUTES_MAX = (31 * DAY_MS) / MINUTE_MS;
const TESTS_AT_ONCE_MAX = 4;
/** Each looks up the hosts of its webhooks, which may take long. */
const SAVES_AT_ONCE_MAX = 8;
/** How a test went, behind its host: the same words whatever failed. */
const TAKEN = 'took the message';
const NOT_TAKEN = 'could not be told: the log of the collector says why';

/** Alerts as the HTTP API has them, and the timer that has them judged. */
export class AlertService {
  readonly #options: AlertServiceOptions;
  readonly #sender: WebhookSender;
  readonly #notifier: Notifier;
  readonly #engine: AlertEngine;
  readonly #tests = new AtOnce(TESTS_AT_ONCE_MAX, 'Other tests are under way.');
  readonly #saves = new AtOnce(SAVES_AT_ONCE_MAX, 'Other rules are being saved.');
  #timer: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | null = null;

  constructor(options: AlertServiceOptions) {
    const { store, sending, webhookHosts, log } = options;
    this.#options = options;
    this.#sender = new WebhookSender({ ...sending, hosts: webhookHosts });
    this.#notifier = new Notifier({
      ...sending,
      settle: async (id) => store?.settle(id),
      sender: this.#sender,
      log,
    });
    this.#engine = new AlertEngine({
      ...options,
      deliver: (deliveries) => this.#notifier.enqueue(deliveries),
      holder: randomUUID(),
      newId: randomUUID,
      now: Date.now,
    });
  }

  /** Judges at once and then every interval. */
  start(): void {
    if (this.#stopping !== null) return;
    const turn = async () => {
      await this.#engine.round();
      if (this.#engine.seated) await this.#notifier.settleRest().catch(() => {}); // The database is away: next time.
      if (this.#stopping === null) this.#timer = setTimeout(turn, this.#options.intervalMs).unref();
    };
    void turn().then(() => this.#sayRefused());
  }

  /** Ends the round and the messages under way and gives up the seat, for at most a second. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    const told = this.#notifier.stop(SECOND_MS);
    let grace: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      grace = setTimeout(resolve, SECOND_MS);
    });
    await Promise.race([Promise.all([this.#engine.leave(), told]), late]);
    clearTimeout(grace);
  }

  /** Every rule with its state, what rules can be made of, and how notification goes. */
  list(): object {
    const { evaluatedMs, eventsDropped, seated } = this.#engine;
    return {
      evaluated_at: evaluatedMs === null ? null : new Date(evaluatedMs).toISOString(),
      evaluates_here: seated,
      editable: this.#options.store !== null,
      rules: this.#engine.statuses().map(shown),
      presets: ALERT_PRESETS,
      issues: HEALTH_ISSUES,
      notifications: { ...this.#notifier.counts(), events_dropped: eventsDropped },
    };
  }

  /** Changes in a time and firings that reach into it. @throws NervecenterError `NC_BAD_REQUEST`, `NC_UNAVAILABLE` */
  async events(search: URLSearchParams): Promise<object> {
    const nowMs = Date.now();
    const instant = (name: string, fallback: string) =>
      parseInstant(search.get(name) ?? fallback, nowMs, 'UTC');
    const [fromMs, toMs] = [instant('from', '-7d'), instant('to', 'now')];
    if (fromMs === null || toMs === null || fromMs >= toMs) {
      throw new NervecenterError(
        'NC_BAD_REQUEST',
        'from, to: expected times such as -7d, now or ISO 8601, `from` first.',
      );
    }
    const events = (await this.#options.store?.events({ fromMs, toMs, limit: EVENTS_MAX })) ?? [];
    return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), events };
  }

  /**
   * Makes a rule, or replaces the one with its id.
   *
   * @throws NervecenterError `NC_BAD_REQUEST`, `NC_UNAVAILABLE`, also with too many of them at once
   */
  async save(body: unknown): Promise<object> {
    const store = this.#writable();
    const rule = this.#parsed(body);
    await this.#saves.run(() => this.#save(rule, store));
    return { id: rule.id };
  }

  /** Whether there is room for one more is the store's to say: others may have been saved while its hosts were looked up. */
  async #save(rule: AlertRule, store: AlertStore): Promise<void> {
    const statuses = this.#engine.statuses();
    const known = statuses.find((status) => status.rule.id === rule.id);
    if (known?.origin === 'file') throw fromFile(rule.id);
    if (known === undefined && statuses.length >= RULES_MAX) throw full();
    const problems = await problemsOfAddresses(rule, known?.rule, this.#sender);
    if (problems.length > 0) throw new NervecenterError('NC_BAD_REQUEST', problems.join(' '));
    const { hideUser, fileRules } = this.#options;
    const isKept = await store.saveRule(withHiddenUser(rule, hideUser), RULES_MAX - fileRules.length);
    if (!isKept) throw full();
    await this.#engine.changed(rule.id);
  }

  /** @throws NervecenterError `NC_BAD_REQUEST`, `NC_NOT_FOUND`, `NC_UNAVAILABLE` */
  async remove(body: unknown): Promise<object> {
    const store = this.#writable();
    const { rule, origin } = this.#known(body);
    if (origin === 'file') throw fromFile(rule.id);
    await store.deleteRule(rule.id);
    await store.silence(rule.id, null);
    await this.#engine.changed(rule.id);
    return { id: rule.id };
  }

  /** `{"id": "…", "minutes": 60}`; 0 ends it. Alerts go on, nobody is told. */
  async silence(body: unknown): Promise<object> {
    const { rule } = this.#known(body);
    const minutes = fieldOf(body, 'minutes');
    if (typeof minutes !== 'number' || !(minutes >= 0 && minutes <= SILENCE_MINUTES_MAX)) {
      throw new NervecenterError(
        'NC_BAD_REQUEST',
        `minutes: expected a number from 0 to ${SILENCE_MINUTES_MAX}.`,
      );
    }
    const untilMs = minutes === 0 ? null : Date.now() + minutes * MINUTE_MS;
    if (this.#options.store === null) this.#engine.silenceHere(rule.id, untilMs);
    await this.#options.store?.silence(rule.id, untilMs);
    await this.#engine.changed(rule.id);
    return { id: rule.id, silenced_until: untilMs === null ? null : new Date(untilMs).toISOString() };
  }

  /**
   * Sends a test to every webhook of a rule, `{"id": "…"}` or one not saved yet, `{"rule": {…}}`, and answers which took it.
   * Why one did not is in the log, which is the operator's: whoever sees it could find out what is in the network.
   *
   * @throws NervecenterError `NC_BAD_REQUEST`, `NC_NOT_FOUND`, `NC_UNAVAILABLE` with too many tests at once
   */
  async test(body: unknown): Promise<object> {
    const draft = fieldOf(body, 'rule');
    const rule = draft === undefined ? this.#known(body).rule : this.#parsed(draft);
    if (rule.webhooks.length === 0)
      throw new NervecenterError('NC_BAD_REQUEST', 'The rule has no webhook to test.');
    const testAll = () => Promise.all(rule.webhooks.map((webhook) => this.#testOne(rule, webhook)));
    return { results: await this.#tests.run(testAll) };
  }

  async #testOne(rule: AlertRule, webhook: Webhook): Promise<object> {
    const { service, log } = this.#options;
    const notice = testOf(rule, service);
    const message = { id: notice.id, body: webhookBody(notice, webhook.format) };
    const { ok, outcome } = await this.#notifier.send(webhook, message);
    const { host } = new URL(webhook.url);
    if (!ok) log('alerts', `A test to the webhook at ${host} failed: it ${outcome}.`);
    return { host, ok, outcome: ok ? TAKEN : NOT_TAKEN };
  }

  async #sayRefused(): Promise<void> {
    const webhooks = this.#engine.statuses().flatMap(({ rule }) => rule.webhooks);
    const refused = await refusedHosts(webhooks, this.#sender, () => this.#stopping !== null);
    if (refused !== '') {
      const remedy = 'If you trust them, name them in NERVECENTER_WEBHOOK_HOSTS.';
      const why = 'their addresses are none of the Internet';
      this.#options.log('alerts', `No message will be sent to the webhooks at ${refused}: ${why}. ${remedy}`);
    }
  }

  #writable(): AlertStore {
    if (this.#options.store !== null) return this.#options.store;
    throw new NervecenterError(
      'NC_UNAVAILABLE',
      'Storage is off (NERVECENTER_STORAGE): rules come from NERVECENTER_ALERTS only.',
    );
  }

  #parsed(body: unknown): AlertRule {
    const id = fieldOf(body, 'id');
    const before = this.#engine.statuses().find(({ rule }) => rule.id === id)?.rule;
    const { rule, problems } = parseAlertRule(unmasked(body, before));
    if (rule !== undefined) return rule;
    throw new NervecenterError('NC_BAD_REQUEST', problems.join(' '));
  }

  #known(body: unknown): RuleStatus {
    const id = fieldOf(body, 'id');
    const known = this.#engine.statuses().find(({ rule }) => rule.id === id);
    if (known !== undefined) return known;
    throw new NervecenterError('NC_NOT_FOUND', 'There is no rule with this id.');
  }
}

/** Work that reaches out to others, of which so much at a time is done as is said: what is more is refused. */
class AtOnce {
  readonly #max: number;
  readonly #busy: string;
  #underWay = 0;

  /** @param busy what is said to whoever is refused. */
  constructor(max: number, busy: string) {
    this.#max = max;
    this.#busy = busy;
  }

  /** @throws NervecenterError `NC_UNAVAILABLE` where too much is under way */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#max)
      throw new NervecenterError('NC_UNAVAILABLE', `${this.#busy} Try again in a moment.`);
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
    }
  }
}

function testOf(rule: AlertRule, service: string): AlertNotice {
  return {
    id: randomUUID(),
    kind: 'test',
    rule,
    group: '',
    value: null,
    level: 0,
    atMs: Date.now(),
    service,
  };
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? new Map(Object.entries(body)).get(name) : undefined;
}

function full(): NervecenterError {
  return new NervecenterError('NC_BAD_REQUEST', `There are ${RULES_MAX} rules already. Remove one first.`);
}

/** Rows have the same in the place of who a user is. */
function withHiddenUser(rule: AlertRule, hideUser: AlertServiceOptions['hideUser']): AlertRule {
  const { condition } = rule;
  if (hideUser === null || condition.kind === 'health') return rule;
  const user = condition.filters['user'];
  if (user === undefined) return rule;
  return { ...rule, condition: { ...condition, filters: { ...condition.filters, user: hideUser(user) } } };
}

function fromFile(id: string): NervecenterError {
  return new NervecenterError(
    'NC_BAD_REQUEST',
    `The rule "${id}" comes from the file of NERVECENTER_ALERTS. Change it there and restart.`,
  );
}

function shown({ rule, origin, silencedUntilMs, instances, problem, foldedGroups }: RuleStatus): object {
  return {
    ...rule,
    webhooks: rule.webhooks.map(masked),
    origin,
    unit: unitOf(rule.condition),
    limits: limitsOf(rule.condition),
    state: worstState(instances.map(({ state }) => state)),
    silenced_until: silencedUntilMs === null ? null : new Date(silencedUntilMs).toISOString(),
    problem,
    folded_groups: foldedGroups,
    instances: instances.map(shownInstance),
  };
}

function shownInstance({ group, state, sinceMs, value, level, peak }: StoredInstance): object {
  return { group, state, since: new Date(sinceMs).toISOString(), since_ms: sinceMs, value, level, peak };
}

/** As it may be shown: path and parameters of an address are often its password. */
function masked({ url, format }: Webhook): Webhook {
  return { url: `${new URL(url).origin}${HIDDEN}`, format };
}

/**
 * A rule as it was sent, with the addresses that came back as they had been shown put in their place again. One that was
 * shown and fits nothing stays as it is and is no address.
 */
function unmasked(body: unknown, before: AlertRule | undefined): unknown {
  if (typeof body !== 'object' || body === null || !('webhooks' in body) || !Array.isArray(body.webhooks))
    return body;
  const sent: readonly unknown[] = body.webhooks;
  return { ...body, webhooks: sent.map((one, index) => restored(one, index, before?.webhooks ?? [])) };
}

function restored(sent: unknown, index: number, before: readonly Webhook[]): unknown {
  if (typeof sent !== 'object' || sent === null || !('url' in sent) || typeof sent.url !== 'string')
    return sent;
  if (!sent.url.endsWith(HIDDEN)) return sent;
  const fits = (webhook: Webhook | undefined) => webhook !== undefined && masked(webhook).url === sent.url;
  const same = before[index];
  const found = fits(same) ? same : before.find(fits);
  return { ...sent, url: found?.url ?? '' };
}

import type { Webhook } from '../../core/alerts/rule.ts';
import type { Delivery } from '../../core/alerts/stored-alerts.ts';
import { backoffMs } from '../../core/backoff.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import type { SendResult, WebhookSender } from './webhook-sender.ts';

/** Messages that wait; at the bound the oldest gives way and is counted. */
const WAITING_MAX = 200;
/** A message is given up after so many tries, about 20 minutes. */
const TRIES_MAX = 8;
const SENDING_MAX = 4;
const RETRY = { firstMs: 10 * SECOND_MS, ceilingMs: 10 * MINUTE_MS, jitter: 0.25 };
/** Ended deliveries that the database has yet to be told of. */
const UNSETTLED_MAX = 1000;
const HOSTS_SAID_MAX = 100;

export interface NotifierOptions {
  /** Tells whoever keeps deliveries that one has ended. */
  readonly settle: (deliveryId: string) => Promise<void>;
  readonly sender: WebhookSender;
  readonly log: Log;
  /** Before the second try, at most; doubled for each further one, to 10 min. @default 10 s */
  readonly firstPauseMs?: number;
}

export interface NotifierCounts {
  readonly waiting: number;
  readonly sent: number;
  /** Given up: refused, or tried too often. */
  readonly failed: number;
  /** Gave way to newer ones. */
  readonly dropped: number;
}

interface Waiting {
  readonly delivery: Delivery;
  tries: number;
  dueMs: number;
}

/** Delivers messages to webhooks, at least once and in no order, and tries again while that can help. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #sending = new Set<string>();
  readonly #unsettled = new Set<string>();
  readonly #failingHosts = new Map<string, Condition>();
  /** Tries under way, and news of ended ones on its way to the database. */
  readonly #tries = new Set<Promise<void>>();
  readonly #settling = new Set<Promise<void>>();
  readonly #givenUp = new AbortController();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #failed = 0;
  #dropped = 0;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  counts(): NotifierCounts {
    return { waiting: this.#waiting.size, sent: this.#sent, failed: this.#failed, dropped: this.#dropped };
  }

  /** Returns at once. One that waits already is not added again. */
  enqueue(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (this.#waiting.has(delivery.id)) continue;
      this.#makeRoom();
      this.#waiting.set(delivery.id, { delivery, tries: 0, dueMs: 0 });
    }
    this.#pump();
  }

  /** Tells the database of what ended while it was away. */
  async settleRest(): Promise<void> {
    for (const id of [...this.#unsettled]) {
      await this.#options.settle(id);
      this.#unsettled.delete(id);
    }
  }

  /** Begins nothing more, and waits for what is under way, for at most so long: the rest is kept for the next start. Idempotent. */
  async stop(graceMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopped = true;
    const grace = setTimeout(() => this.#givenUp.abort(), graceMs);
    await Promise.allSettled(this.#tries);
    await Promise.race([Promise.allSettled(this.#settling), aborted(this.#givenUp.signal)]);
    clearTimeout(grace);
    this.#givenUp.abort();
  }

  /** One try, never rejecting. */
  send({ url }: Webhook, message: Pick<Delivery, 'id' | 'body'>): Promise<SendResult> {
    return this.#options.sender.send(url, message, this.#givenUp.signal);
  }

  #makeRoom(): void {
    if (this.#waiting.size < WAITING_MAX) return;
    const [oldest] = this.#waiting.keys();
    if (oldest === undefined) return;
    this.#dropped++;
    this.#end(oldest);
  }

  #pump(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, one] of this.#waiting) {
      if (this.#sending.has(id)) continue;
      if (one.dueMs > nowMs) nextMs = Math.min(nextMs, one.dueMs);
      else if (this.#sending.size < SENDING_MAX) track(this.#tries, this.#try(one));
    }
    if (nextMs < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#pump(), nextMs - nowMs).unref();
  }

  async #try(one: Waiting): Promise<void> {
    const { delivery } = one;
    this.#sending.add(delivery.id);
    one.tries++;
    const result = await this.send(delivery.webhook, delivery);
    this.#sending.delete(delivery.id);
    if (this.#givenUp.signal.aborted) return;
    this.#conclude(one, result);
    this.#pump();
  }

  #conclude(one: Waiting, result: SendResult): void {
    const { delivery } = one;
    if (result.ok) {
      this.#sent++;
      this.#recovered(delivery.webhook);
      this.#end(delivery.id);
      return;
    }
    const again = result.again && one.tries < TRIES_MAX;
    this.#say(delivery.webhook, `${result.outcome}${again ? '; trying again' : '; given up'}`);
    if (again) {
      const { firstPauseMs = RETRY.firstMs } = this.#options;
      one.dueMs =
        performance.now() + backoffMs(one.tries, Math.random(), { ...RETRY, firstMs: firstPauseMs });
    } else {
      this.#failed++;
      this.#end(delivery.id);
    }
  }

  #end(id: string): void {
    this.#waiting.delete(id);
    if (this.#unsettled.size >= UNSETTLED_MAX) return; // At worst a message is repeated after the next start.
    this.#unsettled.add(id);
    const told = this.#options.settle(id).then(
      () => void this.#unsettled.delete(id),
      () => {}, // Told again with the next round.
    );
    track(this.#settling, told);
  }

  #say({ url }: Webhook, what: string): void {
    const { host } = new URL(url);
    if (this.#failingHosts.has(host) || this.#failingHosts.size >= HOSTS_SAID_MAX) return;
    const failing = new Condition(this.#options.log, 'alerts');
    this.#failingHosts.set(host, failing);
    failing.begin(`A webhook at ${host} ${what}.`);
  }

  #recovered({ url }: Webhook): void {
    const { host } = new URL(url);
    this.#failingHosts.get(host)?.end(`The webhook at ${host} works again.`);
    this.#failingHosts.delete(host);
  }
}

function track(under: Set<Promise<void>>, way: Promise<void>): void {
  under.add(way);
  void way.finally(() => under.delete(way));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Senders whose last batch is remembered, every request by OTLP being one; beyond it those that were silent for longest are
 * forgotten. What is sent again was sent first a short while ago.
 */
const SENDERS_MAX = 100_000;

/** Where the version of a UUID is, and one that is nobody's. */
const VERSION_AT = 14;
const CLAIMED_VERSION = 'c';

/** Under which name a batch is known whose sender only says whose it is: never under that of a process, which is of version 4. */
export function claimed([writer, batch]: readonly [string, number]): readonly [string, number] {
  return [writer.slice(0, VERSION_AT) + CLAIMED_VERSION + writer.slice(VERSION_AT + 1), batch];
}

/**
 * Which batches were accepted, here or by the collector before, so that what a process sends again is counted once. The
 * batches of one process are numbered in order and accepted in order.
 */
export class SentBatches {
  readonly #last = new Map<string, number>();
  readonly #waiting: ((known: boolean) => void)[] = [];
  #complete = false;
  #known = false;

  /** Whether all that the collector before has accepted is known: what nobody knows of is new then. */
  get known(): boolean {
    return this.#known;
  }

  /** Whether what the collector before has accepted is known, or never will be. */
  get complete(): boolean {
    return this.#complete;
  }

  /** What the collector before has accepted. */
  add(sent: Iterable<readonly [instanceId: string, batch: number]>): void {
    for (const [instanceId, batch] of sent) this.#note(instanceId, batch);
  }

  /** Nothing more will come of before. Idempotent. @param known whether that is all of it. */
  completed(known: boolean): void {
    this.#complete = true;
    this.#known ||= known;
    for (const release of this.#waiting.splice(0)) release(known);
  }

  /** Calls back, once, when what was accepted before is known, or never will be. Not to be called after that. */
  whenComplete(release: (known: boolean) => void): void {
    this.#waiting.push(release);
  }

  /** Resolves when nobody waits for that any more, or when the time is up. */
  async awaited(timeoutMs: number): Promise<void> {
    if (this.#waiting.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#waiting.push(() => resolve());
    await promise;
    clearTimeout(timer);
  }

  /** Whether a batch is to be accepted: not if it was. */
  accept(instanceId: string, batch: number): boolean {
    if (this.has(instanceId, batch)) return false;
    this.#note(instanceId, batch);
    return true;
  }

  /**
   * The same of a batch that came by another way than from its process. It is known where the process sent it here itself; what
   * others say they have of the process makes nothing of it known.
   */
  acceptClaimed(writer: string, batch: number): boolean {
    return !this.has(writer, batch) && this.accept(...claimed([writer, batch]));
  }

  /** The last batch of the process that was accepted; 0: none. */
  lastOf(instanceId: string): number {
    return this.#last.get(instanceId) ?? 0;
  }

  /** Whether this batch, or a later one of the process, was accepted. */
  has(instanceId: string, batch: number): boolean {
    return batch <= this.lastOf(instanceId);
  }

  #note(instanceId: string, batch: number): void {
    const last = Math.max(batch, this.lastOf(instanceId));
    this.#last.delete(instanceId);
    this.#last.set(instanceId, last);
    const [oldest] = this.#last.keys();
    if (this.#last.size > SENDERS_MAX && oldest !== undefined) this.#last.delete(oldest);
  }
}

import { MINUTE_MS } from '../units.ts';
import { ALL_BEFORE, type EndedSession } from './store.ts';
import { type AccessToken, TOKENS_MAX, tokenId } from './token.ts';

/** Ended sessions remembered one by one; at the bound the oldest are covered by an entry for all sessions before them. */
export const ENDED_MAX = 10_000;
/** So many at a time, so that the bound is not reached again at once. */
const COVERED_AT_ONCE = ENDED_MAX / 10;
/** How exact the last use of a token is. */
const USE_GRAIN_MS = MINUTE_MS;

/** Where what happens here is kept. */
export interface Keeper {
  /** Resolves once it is kept; never rejects. */
  ended(session: EndedSession): Promise<void>;
  used(token: AccessToken, atMs: number): void;
}

const NOBODY: Keeper = { ended: async () => {}, used: () => {} };

/** Which named tokens there are and which sessions have ended, as far as this collector knows. */
export class AccessRegister {
  #tokens: ReadonlyMap<string, AccessToken> = new Map();
  readonly #ended = new Map<string, EndedSession>();
  readonly #usedMs = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];
  #allBefore: EndedSession = { id: ALL_BEFORE, openedMs: Number.NEGATIVE_INFINITY, untilMs: 0 };
  #keeper = NOBODY;
  #covered = 0;

  /** Sessions that ended and are no longer known by themselves. */
  get covered(): number {
    return this.#covered;
  }

  /** How many ended sessions are known one by one. */
  get ended(): number {
    return this.#ended.size;
  }

  keepIn(keeper: Keeper): void {
    this.#keeper = keeper;
  }

  /** `listener` is called when a token or a session has come to an end. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** @returns the named token with this id. */
  token(id: string): AccessToken | null {
    return this.#tokens.get(id) ?? null;
  }

  /** All named tokens there are from now on; more than the bound are not taken. */
  setTokens(tokens: readonly AccessToken[]): void {
    const before = this.#tokens;
    this.#tokens = new Map(tokens.slice(0, TOKENS_MAX).map((token) => [tokenId(token), token]));
    for (const id of this.#usedMs.keys()) if (!this.#tokens.has(id)) this.#usedMs.delete(id);
    const changed = ([id, { role }]: [string, AccessToken]) => this.#tokens.get(id)?.role !== role;
    if ([...before].some(changed)) this.#tell();
  }

  /** A token opened something. Kept once a minute at most. */
  used(id: string, nowMs: number): void {
    const token = this.#tokens.get(id);
    if (token === undefined || nowMs - (this.#usedMs.get(id) ?? 0) < USE_GRAIN_MS) return;
    this.#usedMs.set(id, nowMs);
    this.#keeper.used(token, nowMs);
  }

  isEnded({ id, openedMs }: Pick<EndedSession, 'id' | 'openedMs'>): boolean {
    return openedMs <= this.#allBefore.openedMs || this.#ended.has(id);
  }

  /** Ends a session here and wherever that is kept. Never rejects. */
  async end(session: EndedSession, nowMs: number): Promise<void> {
    const news = [session, ...this.#learn([session], nowMs)];
    this.#tell();
    await Promise.all(news.map((one) => this.#keeper.ended(one)));
  }

  /** Sessions that were ended elsewhere, or before. @returns those that were not known. */
  learn(sessions: Iterable<EndedSession>, nowMs: number): EndedSession[] {
    const fresh = [...sessions].filter((one) => one.untilMs > nowMs && !this.#knows(one));
    if (fresh.length === 0) return [];
    const covering = this.#learn(fresh, nowMs);
    this.#tell();
    for (const one of covering) void this.#keeper.ended(one);
    return fresh;
  }

  #knows(session: EndedSession): boolean {
    if (session.id === ALL_BEFORE) return session.openedMs <= this.#allBefore.openedMs;
    return this.isEnded(session);
  }

  /** @returns what stands for the sessions that had to be forgotten. */
  #learn(sessions: readonly EndedSession[], nowMs: number): EndedSession[] {
    for (const session of sessions) {
      if (session.id === ALL_BEFORE) this.#cover(session);
      else this.#ended.set(session.id, session);
    }
    if (this.#ended.size <= ENDED_MAX) return [];
    for (const [id, { untilMs }] of this.#ended) if (untilMs <= nowMs) this.#ended.delete(id);
    const over = this.#ended.size - ENDED_MAX;
    if (over <= 0) return [];
    const oldest = [...this.#ended.values()].sort((one, other) => one.openedMs - other.openedMs);
    const covered = oldest.slice(0, over + COVERED_AT_ONCE);
    const allBefore = covered.reduce(latest, this.#allBefore);
    this.#cover(allBefore);
    return [allBefore];
  }

  #cover(allBefore: EndedSession): void {
    const { openedMs } = allBefore;
    if (openedMs <= this.#allBefore.openedMs) return;
    this.#allBefore = latest(this.#allBefore, allBefore);
    for (const [id, one] of this.#ended) {
      if (one.openedMs > openedMs) continue;
      this.#ended.delete(id);
      this.#covered++;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What stands for both, and for all before. */
function latest(one: EndedSession, other: EndedSession): EndedSession {
  const openedMs = Math.max(one.openedMs, other.openedMs);
  return { id: ALL_BEFORE, openedMs, untilMs: Math.max(one.untilMs, other.untilMs) };
}

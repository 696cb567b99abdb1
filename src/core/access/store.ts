import type { AccessToken } from './token.ts';

/** A browser session that is over before its time. */
export interface EndedSession {
  /** 36 lower-case hex digits. */
  readonly id: string;
  /** When its login was, in milliseconds since the Unix epoch. */
  readonly openedMs: number;
  /** When it would be over anyhow, whoever renewed its cookie meanwhile, so that it may be forgotten. */
  readonly untilMs: number;
}

/** Instead of one session's id: every session opened up to `openedMs` is over. */
export const ALL_BEFORE = '0'.repeat(36);

/** Where it is kept which sessions have ended. */
export interface EndedSessionStore {
  /** Those it learned of since it was last asked; at first all. May leave out none, and may repeat some. */
  ended(): Promise<readonly EndedSession[]>;
  /** Idempotent. */
  end(session: EndedSession): Promise<void>;
  /** Forgets what is past its `untilMs`, and what is covered by an entry for all before. */
  forget(nowMs: number): Promise<void>;
}

/** Where named tokens are kept. */
export interface TokenStore {
  tokens(): Promise<readonly AccessToken[]>;
  /** False: there is one of this name. */
  add(token: AccessToken): Promise<boolean>;
  /** False: there is none. */
  remove(name: string): Promise<boolean>;
  /** Writes down that it was used; nothing happens where it is gone. */
  used(name: string, atMs: number): Promise<void>;
}

import type { AccessRegister, Keeper } from '../../core/access/register.ts';
import {
  ALL_BEFORE,
  type EndedSession,
  type EndedSessionStore,
  type TokenStore,
} from '../../core/access/store.ts';
import { describeError } from '../../core/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../core/units.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import type { AccessFiles } from './access-files.ts';

/** How soon it is noticed what a command or another collector has changed. */
const LOOK_MS = SECOND_MS;
/** What waits for a store that is away; the files have it anyhow. */
const WAITING_MAX = 1000;
/** A logout is answered after so long, though a store is slow. */
const PATIENCE_MS = SECOND_MS;
/** For so long nobody need know that the database was not read: what was revoked meanwhile still opens. */
const OVERDUE_MS = 10 * SECOND_MS;

export interface KeepAccessOptions {
  readonly register: AccessRegister;
  readonly files: AccessFiles;
  /** Where rows are in a Postgres that several collectors may share; `null`: the files are all there is. */
  readonly shared: (TokenStore & EndedSessionStore) | null;
  readonly now: () => number;
  readonly log: Log;
  /** After how long without a look into the shared store that is said. @default 10 s */
  readonly overdueMs?: number;
}

/**
 * Keeps the register and what is stored the same. Tokens are in one place: with a shared database there, else in files. Ended
 * sessions are in both, so that one that ended stays ended though the other is away: what either has, the other gets.
 */
export function keepAccess(options: KeepAccessOptions): { stop(): void } {
  const keeping = new Keeping(options);
  keeping.begin();
  return keeping;
}

class Keeping implements Keeper {
  readonly #options: KeepAccessOptions;
  readonly #onDisk: Condition;
  readonly #inDatabase: Condition;
  readonly #tokensUnread: Condition;
  /** Ended sessions that the shared store has to be told. */
  readonly #untold = new Set<EndedSession>();
  #telling: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Runs off when the shared store has not been read for long. */
  #overdue: NodeJS.Timeout | undefined;
  #forgottenMs = 0;
  #stopped = false;

  constructor(options: KeepAccessOptions) {
    this.#options = options;
    this.#onDisk = new Condition(options.log, 'access');
    this.#inDatabase = new Condition(options.log, 'access');
    this.#tokensUnread = new Condition(options.log, 'access');
  }

  /** What is in files is known before anybody can ask. */
  begin(): void {
    const { register, files, shared, now } = this.#options;
    register.keepIn(this);
    if (shared === null) this.#readTokens();
    else this.#watchReading(this.#options.overdueMs ?? OVERDUE_MS);
    this.#tryFiles(() => this.#learnFromFiles(files.endedNow()));
    this.#forgottenMs = now();
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#overdue);
  }

  async ended(session: EndedSession): Promise<void> {
    this.#tell(session);
    await this.#toFiles([session]);
    if (this.#options.shared === null) return;
    let patience: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      patience = setTimeout(resolve, PATIENCE_MS);
    });
    // The next look tries again, and says why it cannot be.
    await Promise.race([this.#tellUntold().catch(() => {}), late]);
    clearTimeout(patience);
  }

  used({ name }: { readonly name: string }, atMs: number): void {
    const { files, shared } = this.#options;
    if (shared === null) this.#tryFiles(() => void files.used(name, atMs).catch(() => {}));
    else void shared.used(name, atMs).catch(() => {}); // Of its last use nothing depends.
  }

  #again(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look().finally(() => this.#again()), LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    const { files, shared } = this.#options;
    if (shared === null) this.#readTokens();
    this.#tryFiles(() => this.#learnFromFiles(files.endedNow()));
    if (shared !== null) await this.#tryShared(shared);
    await this.#forget();
  }

  /** Where they cannot be read they stay what they were: those that were never read open nothing. */
  #readTokens(): void {
    const { register, files } = this.#options;
    try {
      register.setTokens(files.tokensNow());
      if (files.unread !== null) throw files.unread;
      this.#tokensUnread.end('tokens of the data directory are read again');
    } catch (error) {
      this.#tokensUnread.begin(
        `tokens of the data directory cannot all be read, those known are used: ${describeError(error)}`,
      );
    }
  }

  /** What the files have and the register did not, the database may not have either. */
  #learnFromFiles(sessions: readonly EndedSession[]): void {
    const { register, now } = this.#options;
    for (const session of register.learn(sessions, now())) this.#tell(session);
  }

  async #lookAtShared(shared: TokenStore & EndedSessionStore): Promise<void> {
    const { register, now } = this.#options;
    register.setTokens(await shared.tokens());
    await this.#toFiles(register.learn(await shared.ended(), now()));
    await this.#tellUntold();
  }

  /** Once at a time, however many log out: what comes meanwhile is told as well. */
  #tellUntold(): Promise<void> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = null;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    for (const session of this.#untold) {
      await this.#options.shared?.end(session);
      this.#untold.delete(session);
    }
  }

  #tell(session: EndedSession): void {
    if (this.#options.shared !== null && this.#untold.size < WAITING_MAX) this.#untold.add(session);
  }

  async #toFiles(sessions: readonly EndedSession[]): Promise<void> {
    const { files, now } = this.#options;
    try {
      for (const session of sessions) await files.end(session);
      if (sessions.some(({ id }) => id === ALL_BEFORE)) await files.forget(now());
      if (sessions.length > 0) this.#onDisk.end('logouts are kept in the data directory again');
    } catch (error) {
      this.#diskFailed(error);
    }
  }

  async #forget(): Promise<void> {
    const { files, shared, now } = this.#options;
    if (now() - this.#forgottenMs < HOUR_MS) return;
    this.#forgottenMs = now();
    await files.forget(now()).catch(() => {}); // The next hour does.
    await shared?.forget(now()).catch(() => {});
  }

  #tryFiles(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#diskFailed(error);
    }
  }

  #diskFailed(error: unknown): void {
    const { shared } = this.#options;
    const consequence = shared === null ? 'a restart forgets logouts' : 'logouts are in the database alone';
    this.#onDisk.begin(`the data directory cannot be used, so ${consequence}: ${describeError(error)}`);
  }

  async #tryShared(shared: TokenStore & EndedSessionStore): Promise<void> {
    try {
      await this.#lookAtShared(shared);
      if (this.#stopped) return;
      this.#overdue?.refresh();
      this.#inDatabase.end('tokens and logouts are read from the database again');
    } catch (error) {
      // That it is away is said elsewhere, and here only when that lasts.
      if (this.#stopped || !isRefusal(error)) return;
      this.#inDatabase.begin(
        `tokens and logouts in the database cannot be read, those known are used: ${describeError(error)}`,
        'refused',
      );
    }
  }

  /** Whatever the reason: an answer that does not come is none either. */
  #watchReading(overdueMs: number): void {
    const say = () => {
      const awayFor = `have not been read for ${Math.round(overdueMs / SECOND_MS)} s`;
      if (!this.#inDatabase.holds)
        this.#inDatabase.begin(
          `tokens and logouts in the database ${awayFor}: what was revoked meanwhile still opens`,
        );
    };
    this.#overdue = setTimeout(say, overdueMs).unref();
  }
}

/** The role may not, or the tables are not there: neither passes by itself. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^42/.test(String(error.code));
}

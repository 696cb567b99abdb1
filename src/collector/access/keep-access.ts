import type { AccessRegister, Keeper } from '../../core/access/register.ts';
import type { EndedSession, EndedSessionStore, TokenStore } from '../../core/access/store.ts';
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

export interface KeepAccessOptions {
  readonly register: AccessRegister;
  readonly files: AccessFiles;
  /** Where rows are in a Postgres that several collectors may share; `null`: the files are all there is. */
  readonly shared: (TokenStore & EndedSessionStore) | null;
  readonly now: () => number;
  readonly log: Log;
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
  #timer: NodeJS.Timeout | undefined;
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
    this.#tryFiles(() => this.#learnFromFiles(files.endedNow()));
    if (shared === null) this.#readTokens();
    this.#forgottenMs = now();
    register.keepIn(this);
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async ended(session: EndedSession): Promise<void> {
    this.#tell(session);
    await this.#toFiles([session]);
    if (this.#options.shared === null) return;
    let patience: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      patience = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([this.#withShared(() => this.#tellUntold()), late]);
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
    this.#tryFiles(() => this.#learnFromFiles(files.endedNow()));
    if (shared === null) this.#readTokens();
    if (shared !== null) await this.#withShared(() => this.#lookAtShared(shared));
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

  async #tellUntold(): Promise<void> {
    for (const session of this.#untold) {
      await this.#options.shared?.end(session);
      this.#untold.delete(session);
    }
  }

  #tell(session: EndedSession): void {
    if (this.#options.shared !== null && this.#untold.size < WAITING_MAX) this.#untold.add(session);
  }

  async #toFiles(sessions: readonly EndedSession[]): Promise<void> {
    const { files } = this.#options;
    try {
      for (const session of sessions) await files.end(session);
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

  async #withShared(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#inDatabase.end('tokens and logouts are read from the database again');
    } catch (error) {
      // That it is away is said elsewhere.
      if (this.#stopped || !isRefusal(error)) return;
      this.#inDatabase.begin(
        `tokens and logouts in the database cannot be read, those known are used: ${describeError(error)}`,
      );
    }
  }
}

/** The role may not, or the tables are not there: neither passes by itself. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^42/.test(String(error.code));
}

import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ALL_BEFORE,
  type EndedSession,
  type EndedSessionStore,
  type TokenStore,
} from '../../core/access/store.ts';
import { type AccessToken, isRole, TOKEN_NAME } from '../../core/access/token.ts';
import { makeDirectory } from '../../platform/paths.ts';

/** Below the data directory. */
const DIRECTORY = 'access';
const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const ROOT = 0;
/** Where times of directories are whole seconds, or two, a change may leave them as they were. */
const COARSE_TIME_MS = 2000;
const TOKEN_FILE = /^token-(?<name>[a-z0-9._-]{1,64})\.json$/;
const ENDED_FILE = /^(?<id>[0-9a-f]{36})\.(?<openedMs>\d{1,16})\.(?<untilMs>\d{1,16})$/;
const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Named tokens and ended sessions in the data directory: a small file for each, whole or not there, so that commands and
 * collectors that share the directory need no lock. Its owner alone can read them.
 */
export class AccessFiles implements TokenStore, EndedSessionStore {
  readonly #dataDir: string;
  readonly #tokensDir: string;
  readonly #endedDir: string;
  readonly #read: ReadText;
  #tokens: KnownTokens | null = null;
  #endedSeen: Seen | null = null;

  /** @param read what is in a file, @default as the file system has it */
  constructor(dataDir: string, read: ReadText = (path) => readFileSync(path, 'utf8')) {
    this.#read = read;
    this.#dataDir = dataDir;
    this.#tokensDir = join(dataDir, DIRECTORY, 'tokens');
    this.#endedDir = join(dataDir, DIRECTORY, 'ended');
  }

  /** Read again only where the directory has changed. */
  async tokens(): Promise<readonly AccessToken[]> {
    return this.tokensNow();
  }

  /** Why a token that is there could not be read the last time; `null`: all could. */
  get unread(): unknown {
    return this.#tokens?.unread ?? null;
  }

  /**
   * The same at once. One whose file is there and cannot be read is what it was when it could, and is read again the next time;
   * it is none while it never could.
   *
   * @throws the file system's error
   */
  tokensNow(): readonly AccessToken[] {
    const seen = look(this.#tokensDir);
    const before = this.#tokens;
    if (before?.unread === null && isSame(before.seen, seen)) return before.list;
    const files = seen.changedMs === null ? [] : readdirSync(this.#tokensDir);
    const readings = files.map((file) => {
      const reading = this.#tokenIn(file);
      if (reading.failed === null) return reading;
      const known = before?.readings.find(({ name }) => name === reading.name);
      const isSameFile = reading.mark === '' || reading.mark === known?.mark;
      return known !== undefined && isSameFile ? { ...known, failed: reading.failed } : reading;
    });
    const list = readings.flatMap(({ token }) => token ?? []);
    const unread = readings.find(({ failed }) => failed !== null)?.failed ?? null;
    this.#tokens = { list, readings, seen, unread };
    return list;
  }

  /** @throws the file system's error */
  async add(token: AccessToken): Promise<boolean> {
    const path = this.#pathOf(token.name);
    const temporary = `${path}.${randomUUID()}`;
    this.#make(this.#tokensDir);
    const { name, role, digest, madeMs } = token;
    writeFileSync(temporary, `${JSON.stringify({ name, role, digest, madeMs })}\n`, {
      mode: OWNER_ONLY,
      flag: 'wx',
    });
    try {
      linkSync(temporary, path);
      rmSync(usedPath(path), { force: true }); // Of one that had this name before.
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** @throws the file system's error */
  async remove(name: string): Promise<boolean> {
    const path = this.#pathOf(name);
    try {
      rmSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    rmSync(usedPath(path), { force: true });
    return true;
  }

  /** Beside the token: to write it anew could bring back one that is being revoked. */
  async used(name: string, atMs: number): Promise<void> {
    const path = this.#pathOf(name);
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
    writeFileSync(usedPath(path), `${atMs}\n`, { mode: OWNER_ONLY });
  }

  async ended(): Promise<readonly EndedSession[]> {
    return this.endedNow();
  }

  /** The same at once; nothing while nothing has changed. @throws the file system's error */
  endedNow(): readonly EndedSession[] {
    const seen = look(this.#endedDir);
    if (this.#endedSeen !== null && isSame(this.#endedSeen, seen)) return [];
    const files = seen.changedMs === null ? [] : readdirSync(this.#endedDir);
    this.#endedSeen = seen;
    return files.flatMap((file) => endedOf(file) ?? []);
  }

  /** @throws the file system's error */
  async end({ id, openedMs, untilMs }: EndedSession): Promise<void> {
    this.#make(this.#endedDir);
    await writeFile(join(this.#endedDir, `${id}.${openedMs}.${untilMs}`), '', {
      mode: OWNER_ONLY,
      flush: true,
    });
  }

  async forget(nowMs: number): Promise<void> {
    if (look(this.#endedDir).changedMs === null) return;
    const files = (await readdir(this.#endedDir)).map((file) => ({ file, entry: endedOf(file) }));
    let beforeMs = 0;
    for (const { entry } of files)
      if (entry?.id === ALL_BEFORE && entry.untilMs > nowMs) beforeMs = Math.max(beforeMs, entry.openedMs);
    for (const { file, entry } of files) {
      if (entry === null) continue;
      const covered = entry.id === ALL_BEFORE ? entry.openedMs < beforeMs : entry.openedMs <= beforeMs;
      if (covered || entry.untilMs <= nowMs) await rm(join(this.#endedDir, file), { force: true });
    }
  }

  /** The data directory is for others as well; what is below is not. */
  #make(directory: string): void {
    makeDirectory(this.#dataDir);
    makeDirectory(directory, OWNER_ONLY_DIRECTORY);
  }

  #pathOf(name: string): string {
    if (!TOKEN_NAME.test(name)) throw new RangeError(`not the name of a token: ${name}`);
    return join(this.#tokensDir, `token-${name}.json`);
  }

  #tokenIn(file: string): TokenReading {
    const name = TOKEN_FILE.exec(file)?.groups?.['name'];
    if (name === undefined || !TOKEN_NAME.test(name)) return NO_TOKEN;
    const path = join(this.#tokensDir, file);
    let mark = '';
    try {
      const { ino, mtimeMs, uid } = statSync(path);
      if (!isOurs(uid)) throw new Error(`${file} belongs to another user (${uid})`);
      mark = `${ino} ${mtimeMs}`;
      return { name, mark, token: tokenOf(name, this.#read(path), path), failed: null };
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return isGone ? NO_TOKEN : { name, mark, token: null, failed: error };
    }
  }
}

/** Whose files say who may look: where a directory was made for everybody, others could add theirs. */
function isOurs(uid: number): boolean {
  const own = process.getuid?.();
  return own === undefined || uid === own || uid === ROOT;
}

type ReadText = (path: string) => string;

interface KnownTokens {
  readonly list: readonly AccessToken[];
  readonly readings: readonly TokenReading[];
  readonly seen: Seen;
  readonly unread: unknown;
}

/** What a file says of a token. */
interface TokenReading {
  readonly name: string | null;
  /** Another file of this name, with another token in it, has another one; empty where that cannot be told. */
  readonly mark: string;
  /** `null` for what is no token, or is none any more. */
  readonly token: AccessToken | null;
  /** Why nobody knows; `null`: it could be read. */
  readonly failed: unknown;
}

const NO_TOKEN: TokenReading = { name: null, mark: '', token: null, failed: null };

function tokenOf(name: string, text: string, path: string): AccessToken | null {
  try {
    const { role, digest, madeMs } = JSON.parse(text) as Partial<AccessToken>;
    if (!isRole(role) || typeof digest !== 'string' || !DIGEST.test(digest)) return null;
    if (typeof madeMs !== 'number' || !Number.isFinite(madeMs)) return null;
    return { name, role, digest, madeMs, usedMs: usedMsOf(path) };
  } catch {
    return null;
  }
}

/** When a directory was looked at, and when it had changed; `null`: it is not there. */
interface Seen {
  readonly changedMs: number | null;
  readonly atMs: number;
}

function look(directory: string): Seen {
  const changedMs = statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? null;
  return { changedMs, atMs: Date.now() };
}

function isSame(before: Seen, now: Seen): boolean {
  if (before.changedMs !== now.changedMs) return false;
  return now.changedMs === null || before.atMs - now.changedMs > COARSE_TIME_MS;
}

function endedOf(file: string): EndedSession | null {
  const groups = ENDED_FILE.exec(file)?.groups;
  if (groups === undefined) return null;
  return { id: groups['id'] ?? '', openedMs: Number(groups['openedMs']), untilMs: Number(groups['untilMs']) };
}

function usedPath(path: string): string {
  return path.replace(/json$/, 'used');
}

function usedMsOf(path: string): number | null {
  try {
    const atMs = Number(readFileSync(usedPath(path), 'utf8'));
    return Number.isSafeInteger(atMs) && atMs > 0 ? atMs : null;
  } catch {
    return null; // Never used.
  }
}

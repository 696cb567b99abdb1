import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../platform/paths.ts';

const SECRET_BYTES = 24;
const WELL_FORMED = /^[0-9a-f]{48}$/;
const ADMIN_TOKEN_FILE = 'admin-token';
const OTLP_KEY_FILE = 'otlp-key';
const USER_KEY_FILE = 'user-key';

/** The admin token made for a user who set none. */
export function ownAdminToken(dataDir: string): string {
  return ownSecret(dataDir, ADMIN_TOKEN_FILE);
}

/** The admin token that a collector keeps in this data directory; `null` while there is none that this user may read. */
export function keptAdminToken(dataDir: string): string | null {
  return keptSecret(dataDir, ADMIN_TOKEN_FILE);
}

/** The key made for senders of OTLP where others than this machine can reach the listener and nobody set one. */
export function ownOtlpKey(dataDir: string): string {
  return ownSecret(dataDir, OTLP_KEY_FILE);
}

/** The key by which users are hidden, where nobody set one. */
export function ownUserKey(dataDir: string): string {
  return ownSecret(dataDir, USER_KEY_FILE);
}

/** The one that is kept; `null` while there is none. */
export function keptUserKey(dataDir: string): string | null {
  return keptSecret(dataDir, USER_KEY_FILE);
}

/** Keeps what the database has, in the place of what was kept here. */
export function keepUserKey(dataDir: string, key: string): void {
  keep(join(dataDir, USER_KEY_FILE), key, renameSync);
}

/** A secret that is kept nowhere yet. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/**
 * A secret is kept in the data directory, readable by the owner only, so that a restart does not lock everybody out; where it
 * cannot be kept it lives as long as the process.
 */
function ownSecret(dataDir: string, file: string): string {
  const kept = keptSecret(dataDir, file);
  if (kept !== null) return kept;
  const secret = newSecret();
  const path = join(dataDir, file);
  if (keep(path, secret, linkSync)) return secret;
  // Of two that start at once the first one's counts; what is no secret is replaced.
  const others = keptSecret(dataDir, file);
  if (others === null) keep(path, secret, renameSync);
  return others ?? secret;
}

/** Whole or not at all, so that nobody reads half of it. @param place by link, which replaces nothing, or by rename. */
function keep(path: string, secret: string, place: (from: string, to: string) => void): boolean {
  const temporary = `${path}.${randomUUID()}`;
  try {
    makeDirectory(dirname(path));
    writeFileSync(temporary, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  } catch {
    return false; // Where it is not writable, storage will say so, in its own words.
  }
  try {
    place(temporary, path);
    return true;
  } catch {
    return false; // Another one is there, or the file system knows no links.
  } finally {
    rmSync(temporary, { force: true });
  }
}

function keptSecret(dataDir: string, file: string): string | null {
  try {
    const kept = readFileSync(join(dataDir, file), 'utf8').trim();
    return WELL_FORMED.test(kept) ? kept : null;
  } catch {
    return null; // None yet.
  }
}

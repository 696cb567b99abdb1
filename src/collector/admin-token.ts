import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../platform/paths.ts';

const TOKEN_BYTES = 24;
const TOKEN_FILE = 'admin-token';
const WELL_FORMED = /^[0-9a-f]{48}$/;

/**
 * The token made for a user who set none. It is kept in the data directory, readable by the owner only, so that a restart
 * does not log every dashboard out; where it cannot be kept it lives as long as the process.
 */
export function ownAdminToken(dataDir: string): string {
  const kept = keptAdminToken(dataDir);
  if (kept !== null) return kept;
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  if (keep(dataDir, token, linkSync)) return token;
  // Of two that start at once the first one's counts; what is no token is replaced.
  const others = keptAdminToken(dataDir);
  if (others === null) keep(dataDir, token, renameSync);
  return others ?? token;
}

/** Whole or not at all, so that nobody reads half a token. @param place by link, which replaces nothing, or by rename. */
function keep(dataDir: string, token: string, place: (from: string, to: string) => void): boolean {
  const path = join(dataDir, TOKEN_FILE);
  const temporary = `${path}.${randomUUID()}`;
  try {
    makeDirectory(dataDir);
    writeFileSync(temporary, `${token}\n`, { mode: 0o600, flag: 'wx' });
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

/** The token that a collector keeps in this data directory; `null` while there is none that this user may read. */
export function keptAdminToken(dataDir: string): string | null {
  try {
    const kept = readFileSync(join(dataDir, TOKEN_FILE), 'utf8').trim();
    return WELL_FORMED.test(kept) ? kept : null;
  } catch {
    return null; // None yet.
  }
}

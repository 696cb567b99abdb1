import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, TOKEN_FILE), `${token}\n`, { mode: 0o600 });
  } catch {
    // Not writable: storage will say so, in its own words.
  }
  return token;
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

import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../paths.ts';

const TOKEN_BYTES = 24;
const TOKEN_FILE = 'admin-token';
const WELL_FORMED = /^[0-9a-f]{48}$/;

/**
 * The token made for a user who set none. It is kept in the data directory, readable by the owner only, so that a restart
 * does not log every dashboard out; where it cannot be kept it lives as long as the process.
 */
export function ownAdminToken(dataDir: string): string {
  const path = join(dataDir, TOKEN_FILE);
  try {
    const kept = readFileSync(path, 'utf8').trim();
    if (WELL_FORMED.test(kept)) return kept;
  } catch {
    // None yet.
  }
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  try {
    makeDirectory(dataDir);
    writeFileSync(path, `${token}\n`, { mode: 0o600 });
  } catch {
    // Not writable: storage will say so, in its own words.
  }
  return token;
}

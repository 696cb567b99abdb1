import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The admin token that the collector of this data directory keeps; empty while there is none. */
export function adminTokenIn(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'admin-token'), 'utf8').trim();
  } catch {
    return '';
  }
}

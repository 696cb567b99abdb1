import { randomUUID } from 'node:crypto';
import { closeSync, fchownSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Account } from '../data-dir/account.ts';

const MAP = 'nervecenter';
const PRIVATE_FILE = 0o600;
const HEAD = '# nervecenter writes this file at every start.\n';

/**
 * Says who may connect to a cluster's socket: the user we run as and root, whom the kernel names, and nobody else, not even a
 * process of the account that the server runs as. Not on Windows, where the cluster was made with a password.
 */
export function writeAuthentication(clusterDir: string, account: Account | null): void {
  if (process.platform === 'win32') return;
  const { hba, ident } = authentication(ownName());
  replace(join(clusterDir, 'pg_ident.conf'), ident, account);
  replace(join(clusterDir, 'pg_hba.conf'), hba, account);
}

/**
 * @param user whom we run as; `null`: the number has no name, and `peer` knows users by their names. Then the directory, which
 * only that number and root can enter, has to do.
 */
export function authentication(user: string | null): { readonly hba: string; readonly ident: string } {
  const users = user === null ? [] : [...new Set([user, 'root'])];
  const method = user === null ? 'trust' : `peer map=${MAP}`;
  return {
    hba: `${HEAD}local all all ${method}\n`,
    // As any role: those that somebody made for reading, too.
    ident: `${HEAD}${users.map((name) => `${MAP} "${name}" all\n`).join('')}`,
  };
}

function ownName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

/**
 * Never through a link, of which the account may make as many in its directory as it likes: what is given to it is the file
 * that was made here, whatever its name leads to by then.
 */
function replace(path: string, content: string, account: Account | null): void {
  const temporary = `${path}.${randomUUID()}`;
  const file = openSync(temporary, 'wx', PRIVATE_FILE);
  try {
    writeFileSync(file, content);
    if (account !== null) fchownSync(file, account.uid, account.gid);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

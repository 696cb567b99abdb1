import { mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';

/** What the spool asks of the file system. */
export interface SpoolFiles {
  readonly mkdir: typeof mkdir;
  readonly open: typeof open;
  readonly readdir: (path: string) => Promise<string[]>;
  readonly readFile: (path: string, encoding: 'utf8') => Promise<string>;
  readonly rename: typeof rename;
  readonly stat: (path: string) => Promise<{ readonly size: number }>;
  readonly unlink: typeof unlink;
  readonly writeFile: typeof writeFile;
}

export const NODE_FILES: SpoolFiles = { mkdir, open, readdir, readFile, rename, stat, unlink, writeFile };

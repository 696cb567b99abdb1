import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { KIB, MIB } from '../../core/units.ts';
import type { Log } from '../log.ts';

const compress = promisify(gzip);

/** Far more than a dashboard has; they keep a wrong directory from being read into memory. */
const FILES_MAX = 500;
const BYTES_MAX = 32 * MIB;
/** Below this a compressed file saves no packet. */
const COMPRESSED_FROM_BYTES = KIB;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};
const COMPRESSED_TYPES = /^(text\/|application\/|image\/svg)/;

export interface Asset {
  readonly contentType: string;
  readonly body: Buffer;
  /** The same compressed, when that pays. */
  readonly gzip: Buffer | null;
  /** Its name carries a hash of its content. */
  readonly immutable: boolean;
}

/** The built dashboard. Requests are looked up here and never become a path in the file system. */
export interface Assets {
  /** `null`: the dashboard is not built. */
  readonly index: Asset | null;
  /** By URL path, for example `/admin/assets/index-Bx3.js`. */
  readonly files: ReadonlyMap<string, Asset>;
}

/** Reads the built dashboard once. A directory that is not there or cannot be read gives an empty one. */
export async function loadAssets(directory: string, log: Log): Promise<Assets> {
  const files = new Map<string, Asset>();
  let bytes = 0;
  for (const path of await filesIn(directory)) {
    const contentType = CONTENT_TYPES[extname(path).toLowerCase()];
    if (contentType === undefined) continue;
    const body = await readFile(path).catch(() => null);
    if (body === null) continue;
    bytes += body.length;
    if (files.size >= FILES_MAX || bytes > BYTES_MAX) {
      log('dashboard', `${directory} holds more than a dashboard has; the rest of it is not served`);
      break;
    }
    const name = relative(directory, path).split(sep).join('/');
    files.set(`/admin/${name}`, await toAsset(contentType, body, name.startsWith('assets/')));
  }
  const index = files.get('/admin/index.html') ?? null;
  // The page has one address per view; its file name is not one of them.
  files.delete('/admin/index.html');
  return { index, files };
}

/** Plain files only: a symbolic link may lead out of the directory. */
async function filesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch {
    return [];
  }
}

async function toAsset(contentType: string, body: Buffer, immutable: boolean): Promise<Asset> {
  const worthwhile = COMPRESSED_TYPES.test(contentType) && body.length >= COMPRESSED_FROM_BYTES;
  return { contentType, body, gzip: worthwhile ? await compress(body) : null, immutable };
}

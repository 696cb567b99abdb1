import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const PACKAGE_NAME = 'nervecenter';
const EVERYBODY = 0o777;

/**
 * The directory of this package: the nearest ancestor whose `package.json` bears its name. The same code runs from `src/`
 * and from bundles at any depth of `dist/`, so a fixed number of `..` would be wrong somewhere.
 *
 * @throws Error when no ancestor is the package, which only an incomplete installation can cause.
 */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (packageNameIn(directory) === PACKAGE_NAME) return directory;
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`The installation of ${PACKAGE_NAME} has no package.json.`);
    directory = parent;
  }
}

function packageNameIn(directory: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { name?: unknown }).name;
  } catch {
    return null; // No package.json here, or one that is not ours to judge: look further up.
  }
}

/** What an app is started with. */
export function preloadUrl(): URL {
  return entryUrl('otel');
}

/** The entry of the collector's thread: the bundle beside this bundle, or the source beside this source. */
export function workerUrl(): URL {
  return entryUrl('collector/worker');
}

/** The entry of the thread that asks `systeminformation`. */
export function systemInformationUrl(): URL {
  return entryUrl('collector/host/system-information');
}

/** What makes the preload the SDK of an app. */
export function ownSdkUrl(): URL {
  return entryUrl('agent/sdk/own-sdk');
}

/** What serves an app's metrics in its own process. */
export function exportingUrl(): URL {
  return entryUrl('agent/metrics/exporting');
}

function entryUrl(entry: string): URL {
  const fromSource = import.meta.url.endsWith('.ts');
  const path = fromSource ? join('src', `${entry}.ts`) : join('dist', `${entry}.js`);
  return pathToFileURL(join(packageRoot(), path));
}

/**
 * Makes a directory and what is missing above it. Node's own `recursive` never returns where a file system answers "not
 * there" to whoever makes something in a directory that is there, as `/proc` does.
 *
 * @param mode of what it makes, less the umask.
 * @returns the first directory that was made, `null` when all were there.
 * @throws the file system's error.
 */
export function makeDirectory(path: string, mode = EVERYBODY): string | null {
  const parent = dirname(path);
  try {
    mkdirSync(path, mode);
    return path;
  } catch (error) {
    if (isDirectory(path)) return null;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isDirectory(parent)) throw error;
  }
  const above = makeDirectory(parent, mode);
  const made = makeDirectory(path, mode);
  return above ?? made;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // Not there, or not ours to look at.
  }
}

import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

/** What of a `package.json` is looked at; anybody may have written anything there. */
export type Manifest = {
  readonly name?: unknown;
  readonly version?: unknown;
} & { readonly [kind in (typeof KINDS)[number]]?: unknown };

export interface InstalledPackage {
  /** Without links. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly version: string;
}

/**
 * The package of a name that code in `from` gets; `null` where it gets none. Read from the manifest itself: a package's
 * `exports` may hide it from `require`, as those of the API 1.10 do.
 */
export function installed(name: string, from: string): InstalledPackage | null {
  const require = createRequire(join(from, 'noop.js'));
  for (const parent of require.resolve.paths(name) ?? []) {
    const found = packageIn(join(parent, name));
    if (found !== null) return found;
  }
  return null;
}

/** The package that a file is part of: of the nearest folder above whose manifest has a name and a version. */
export function packageOf(file: string): InstalledPackage | null {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    const found = packageIn(directory);
    if (typeof found?.manifest.name === 'string') return found;
    if (directory === dirname(directory)) return null;
  }
}

/** The app's own manifest, and those of the folders it is in: that of a workspace, or one that only says how modules are written. */
export function manifestsAbove(directory: string): Manifest[] {
  const parent = dirname(directory);
  return [manifestIn(directory) ?? [], parent === directory ? [] : manifestsAbove(parent)].flat();
}

/** The names of what a package asks for, of any kind. */
export function dependenciesOf(manifest: Manifest): string[] {
  return KINDS.flatMap((kind) => Object.keys(Object(manifest[kind])));
}

function packageIn(directory: string): InstalledPackage | null {
  const manifest = manifestIn(directory);
  if (typeof manifest?.version !== 'string') return null;
  return { directory: realpathSync(directory), manifest, version: manifest.version };
}

function manifestIn(directory: string): Manifest | null {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return typeof manifest === 'object' ? manifest : null;
  } catch {
    return null; // Not in this directory: look further up.
  }
}

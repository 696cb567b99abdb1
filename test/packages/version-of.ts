import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = join(import.meta.dirname, '..', '..', 'node_modules');

/** Of a package as it is installed here. */
export function versionOf(name: string): string {
  const manifest = readFileSync(join(PACKAGES, name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../platform/paths.ts';

/**
 * Writes the file that `node --require ./otel app.js` loads. In an ESM package a `.js` file is a module and
 * `--require ./otel` finds it as well (Node 22.12 and later), so one name serves both; a file that is there is left alone.
 *
 * And it writes into the app's `package.json` that npm need not run the install scripts of what nervecenter depends on: all
 * works without them, and npm warns of each at every install until somebody has decided.
 */
export async function init(): Promise<number> {
  const directory = process.cwd();
  const path = join(directory, 'otel.js');
  const manifest = manifestIn(directory);
  if (existsSync(path)) {
    process.stdout.write(`otel.js is there already; left as it is.\n`);
  } else {
    const esm = manifest?.['type'] === 'module';
    writeFileSync(path, esm ? "import 'nervecenter/otel';\n" : "require('nervecenter/otel');\n");
    process.stdout.write('Wrote otel.js.\n');
  }
  if (manifest !== null && decideScripts(directory, manifest))
    process.stdout.write(
      'Wrote into package.json (allowScripts) that install scripts of what nervecenter depends on need not run, so that npm does not warn of them.\n',
    );
  process.stdout.write('Start your app with:  node --require ./otel app.js\n');
  return 0;
}

type Manifest = Readonly<Record<string, unknown>>;

function manifestIn(directory: string): Manifest | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Manifest)
      : null;
  } catch {
    return null; // No package.json: Node takes `.js` for CommonJS.
  }
}

/** What the app has decided stays. Returns whether there was anything left to decide. */
function decideScripts(directory: string, manifest: Manifest): boolean {
  const decided: unknown = manifest['allowScripts'] ?? {};
  if (typeof decided !== 'object' || decided === null || manifest['name'] === 'nervecenter') return false;
  const missing = needlessScripts().filter((name) => !isDecided(name, decided));
  if (missing.length === 0) return false;
  const allowScripts = { ...decided, ...Object.fromEntries(missing.map((name) => [name, false])) };
  const path = join(directory, 'package.json');
  const before = readFileSync(path, 'utf8');
  const indentation = /^[{\s]*\n([ \t]+)"/.exec(before)?.[1] ?? '  ';
  const end = before.endsWith('\n') ? '\n' : '';
  writeFileSync(path, `${JSON.stringify({ ...manifest, allowScripts }, null, indentation)}${end}`);
  return true;
}

/** By name alone, or by name and versions. */
function isDecided(name: string, decided: object): boolean {
  return Object.keys(decided).some((key) => key === name || key.startsWith(`${name}@`));
}

/** Of OpenTelemetry's exporters by gRPC. */
const PROTOBUFJS = 'protobufjs';

/** What comes with us and brings an install script that nothing needs: the embedded servers, and what exporters read by. */
function needlessScripts(): string[] {
  const embedded = manifestIn(packageRoot())?.['optionalDependencies'] ?? {};
  return [...Object.keys(embedded), PROTOBUFJS];
}

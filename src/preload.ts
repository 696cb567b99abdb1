// What the preload does once Node is new enough (otel.ts). The only module whose import starts something.
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { agentHandle } from './agent/api/handle.ts';
import { startAgent } from './agent/start.ts';
import { configOfMainThread } from './agent/threads/start.ts';
import { type Config, collectorEnv, nodeOptions, readConfig, unknownSettingsLine } from './config/config.ts';
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

if (!launches && agentHandle() === undefined) {
  try {
    if (isMainThread) startInProcess();
    else startInThread();
  } catch (error) {
    // A mistake in our settings must never cost the user their app.
    writeToStderr(`[nervecenter] off: ${describeError(error)}\n`);
  }
}

function startInProcess(): void {
  const config = readConfig(undefined, undefined, { reader: 'app' });
  if (config.disabled) return;
  const notice = config.configFile && configFileNotice(config.configFile);
  for (const line of [notice, unknownSettingsLine()])
    if (line !== null) writeToStderr(`[nervecenter] ${line}\n`);
  start(config, false);
}

/** As part of the process: where the main thread is not observed, its threads are not either. */
function startInThread(): void {
  const config = configOfMainThread();
  if (config !== null) start(config, true);
}

function start(config: Config, inThread: boolean): void {
  const env = collectorEnv();
  startAgent({ config, env, nodeOptions: nodeOptions(), mainScript, inThread, say: writeToStderr });
}

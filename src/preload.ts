// What the preload does once Node is new enough (otel.ts). The only module whose import starts something.
import { isMainThread } from 'node:worker_threads';
import { agentHandle } from './agent/api/handle.ts';
import { startAgent } from './agent/start.ts';
import { collectorEnv, readConfig } from './config/config.ts';
import { configFileNotice } from './config/file/config-file.ts';
import { describeError } from './core/errors.ts';
import { writeToStderr } from './platform/stderr.ts';

const mainScript = process.argv[1];

if (isMainThread && agentHandle() === undefined) {
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

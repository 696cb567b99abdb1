// `node --require nervecenter/otel app.js`. An older Node could not even load the agent, and the app must start all the same:
// so nothing else is imported before the version is known. Loads synchronously, for `--require`.
import { createRequire } from 'node:module';
import { sdkDisabled } from './config/disabled.ts';
import { isLauncher } from './platform/launchers.ts';
import { nodeTooOld } from './platform/node-version.ts';

const tooOld = nodeTooOld(process.versions.node);
if (tooOld === null) {
  // A build has many processes, and none of them is to pay for what it does not use.
  if (!sdkDisabled() && !isLauncher(process.argv)) createRequire(import.meta.url)('./preload.js');
} else process.stderr.write(`[nervecenter] off: ${tooOld}. The app runs unobserved.\n`);

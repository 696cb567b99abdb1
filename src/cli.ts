#!/usr/bin/env node
import { nodeTooOld } from './platform/node-version.ts';

const tooOld = nodeTooOld(process.versions.node);
if (tooOld === null) {
  await import('./main.ts');
} else {
  process.stderr.write(`nervecenter: ${tooOld}. Install a newer Node, for example from nodejs.org.\n`);
  process.exitCode = 1;
}

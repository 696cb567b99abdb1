import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';

const AGENT = join(import.meta.dirname, '..', '..', 'src');

test('an instrumentation that cannot stop is said, the others stop, and the app ends as it would have', async () => {
  const script = `
    import { INSTRUMENTATIONS } from ${JSON.stringify(join(AGENT, 'agent', 'instrumentations.ts'))};
    import { startAgent } from ${JSON.stringify(join(AGENT, 'agent', 'start.ts'))};
    import { readConfig } from ${JSON.stringify(join(AGENT, 'config', 'config.ts'))};
    import { writeSync } from 'node:fs';
    const say = (text) => writeSync(1, text);
    const stopping = (name, stop) => ({ name, start: () => stop });
    INSTRUMENTATIONS.push(
      stopping('first', () => say('first stopped\\n')),
      stopping('broken', () => { throw new Error('a mistake'); }),
    );
    startAgent({ config: readConfig({ NERVECENTER_STORAGE: 'off' }), env: {}, nodeOptions: '', inThread: false, mainScript: undefined, say });
    process.exit(3);`;
  const ended = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
  });
  await assert.rejects(ended, {
    code: 3,
    stdout: '[nervecenter] the agent failed: Error: a mistake\nfirst stopped\n',
    stderr: '',
  });
});

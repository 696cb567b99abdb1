import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { until } from '../support/poll.ts';

const EXIT = join(import.meta.dirname, '..', '..', 'src', 'agent', 'exit.ts');

/** Runs `script` with `beforeProcessEnds` in place; `flushed` is what the flush writes. */
async function run(
  script: string,
  whenReady: (kill: (signal: NodeJS.Signals) => void) => void = () => {},
  wrapper: readonly string[] = [],
): Promise<{
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}> {
  const source = `
    import { writeSync } from 'node:fs';
    import { beforeProcessEnds } from ${JSON.stringify(EXIT)};
    const say = (text) => writeSync(1, text + '\\n');
    const undo = beforeProcessEnds(() => say('flushed'), () => say('signalled'));
    ${script}`;
  const [command = '', ...args] = [...wrapper, process.execPath, '--input-type=module', '-e', source];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  child.stderr.resume();
  const closed = once(child, 'close');
  await until(() => output.includes('ready') || child.exitCode !== null || child.signalCode !== null);
  whenReady((signal) => child.kill(signal));
  await closed;
  return { code: child.exitCode, signal: child.signalCode, output };
}

/** A process in a namespace of its own is the first there. */
const FIRST = ['unshare', '--pid', '--fork', '--kill-child'];
const mayBeFirst = spawnSync('unshare', [...FIRST.slice(1), 'true']).status === 0;

const STAY = "setInterval(() => {}, 1000); say('ready');";

describe('beforeProcessEnds', () => {
  it('flushes at a natural end and keeps the exit code', async () => {
    const { code, output } = await run('process.exitCode = 7;');
    assert.deepEqual([code, output], [7, 'flushed\n']);
  });

  it('flushes at process.exit', async () => {
    const { code, output } = await run('process.exit(3);');
    assert.deepEqual([code, output], [3, 'flushed\n']);
  });

  it('flushes after an uncaught exception and an unhandled rejection', async () => {
    for (const script of [
      "setTimeout(() => { throw new Error('boom'); });",
      "Promise.reject(new Error('boom'));",
    ]) {
      const { code, output } = await run(script);
      assert.deepEqual([code, output], [1, 'flushed\n']);
    }
  });

  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`flushes at ${name} and dies of it, as the process would have without us`, async () => {
      const { code, signal, output } = await run(STAY, (kill) => kill(name));
      assert.deepEqual([code, signal, output], [null, name, 'ready\nflushed\n']);
    });
  }

  it("leaves a signal to the app's own handler and flushes when that exits", async () => {
    const { code, output } = await run(
      `process.on('SIGTERM', () => { say('app ' + process.listenerCount('SIGTERM')); process.exit(0); }); ${STAY}`,
      (kill) => kill('SIGTERM'),
    );
    assert.deepEqual([code, output], [0, 'ready\napp 1\nflushed\n']);
  });

  it('is invisible to libraries that count listeners and raise the signal again', async () => {
    const { signal, output } = await run(
      `const listener = () => {
         say('listeners ' + process.listeners('SIGINT').length);
         process.removeListener('SIGINT', listener);
         process.kill(process.pid, 'SIGINT');
       };
       process.on('SIGINT', listener); ${STAY}`,
      (kill) => kill('SIGINT'),
    );
    assert.deepEqual([signal, output], ['SIGINT', 'ready\nlisteners 1\nflushed\n']);
  });

  it('does not keep an app alive that handles a signal and goes on', async () => {
    const { code, output } = await run(
      `process.once('SIGTERM', () => { say('first'); setTimeout(() => process.exit(5), 20); }); ${STAY}`,
      (kill) => kill('SIGTERM'),
    );
    assert.deepEqual([code, output], [5, 'ready\nfirst\nflushed\n']);
  });

  it.skipIf(!mayBeFirst)(
    'lets the first process of a container go on after a signal, which it cannot die of',
    async () => {
      const { code, output } = await run(
        `import { execFileSync } from 'node:child_process';
       if (process.pid !== 1) throw new Error('not the first');
       execFileSync('kill', ['-TERM', '1']);
       process.kill(1, 'SIGINT');
       setTimeout(() => { say('listens to ' + process.listenerCount('SIGTERM')); process.exit(6); }, 50);`,
        () => {},
        FIRST,
      );
      assert.deepEqual([code, output], [6, 'signalled\nsignalled\nlistens to 1\nflushed\n']);
    },
  );

  it('takes everything back', async () => {
    const { code, output } = await run(
      "undo(); say(String(process.listenerCount('SIGTERM') + process.listenerCount('exit')));",
    );
    assert.deepEqual([code, output], [0, '0\n']);
  });
});

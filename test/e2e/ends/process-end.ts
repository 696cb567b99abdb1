import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PRELOAD } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';

const STARTED = { timeoutMs: 60_000 };
/** What the end of a process may wait for its last rows, as documented, and what a busy machine adds to it. */
const BOUND_MS = 3000;
const PATIENCE_MS = 30_000;

const START_MESSAGE = /^nervecenter \d.*\n( {2}\S.*\n)*/gm;
const OUR_LINES = /^\[nervecenter\] .*\n/gm;

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Everything about an end that the agent may not change, and how long it took from when it was asked for. */
interface Ended extends End {
  readonly told: readonly string[];
  readonly stderr: string;
  readonly tookMs: number;
}

interface Way {
  /** How it ends without the agent. */
  readonly end: End;
  /** The signal that is sent to it. @default none */
  readonly sent?: NodeJS.Signals | undefined;
}

/**
 * Lets an app come to its end without the agent and with it, before its dashboard is there and after that, and compares
 * code, signal, what it told and its stderr; with the agent it may take as much longer as is documented.
 *
 * @param start an app that listens at the port it prints, and ends by a line on standard input, or by the signal as soon as
 *   it prints `armed`.
 */
export async function assertSameEnd(
  start: (flags: readonly string[]) => ChildProcess,
  { end, sent }: Way,
): Promise<void> {
  const [without, before, after] = await Promise.all([
    endOf(start([]), { sent, whenStarted: false }),
    endOf(start(['--require', PRELOAD]), { sent, whenStarted: false }),
    endOf(start(['--require', PRELOAD]), { sent, whenStarted: true }),
  ]);
  const { tookMs: alone, ...expected } = without;
  assert.deepEqual({ code: expected.code, signal: expected.signal }, end, 'without the agent');
  for (const [moment, { tookMs, ...ended }] of Object.entries({ before, after })) {
    assert.deepEqual(ended, expected, `${moment} its dashboard is there`);
    assert.ok(tookMs < alone + BOUND_MS + PATIENCE_MS, `${tookMs} ms ${moment}, ${alone} ms alone`);
  }
}

interface Asked {
  readonly sent: Way['sent'];
  /** Asked for only once the agent has started its dashboard. */
  readonly whenStarted: boolean;
}

async function endOf(child: ChildProcess, { sent, whenStarted }: Asked): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdin?.on('error', () => {}); // It may not read what it is told.
  const closed = once(child, 'close');
  await until(() => /^port \d+$/m.test(stdout), STARTED);
  const served = await fetch(`http://127.0.0.1:${/\d+/.exec(stdout)?.[0]}`, {
    headers: { connection: 'close' },
  });
  assert.equal(await served.text(), 'served');
  if (whenStarted) await until(() => /^ {2}stop /m.test(stderr), STARTED);
  const [before, askedMs] = [stderr.length, performance.now()];
  child.stdin?.write('now\n');
  if (sent !== undefined) {
    await until(() => stdout.includes('armed'), STARTED);
    child.kill(sent);
  }
  await closed;
  return {
    code: child.exitCode,
    signal: child.signalCode,
    told: stdout.split('\n').filter((line) => line.startsWith('told ')),
    stderr: withoutOurs(stderr.slice(before)),
    tookMs: performance.now() - askedMs,
  };
}

/** What the app itself has said, but for where Node's own code was, and in which memory. */
function withoutOurs(stderr: string): string {
  return stderr
    .replace(START_MESSAGE, '')
    .replace(OUR_LINES, '')
    .replace(/\(node:[\w/]+:\d+:\d+\)/g, '(node)')
    .replace(/0x[\da-f]+/g, '0x');
}

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { FakeCollector } from '../dashboard/support/fake-collector.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';
import { Command, nervecenter } from './command.ts';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const EVIL = '/\x1b]0;owned\x07\x1b[2J';
const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const ownToken = 'ab'.repeat(24);

let cwd: string;
let url: string;
let port: string;
const fake = new FakeCollector('', {
  ...busy,
  api: {
    ...busy.api,
    endpoints: { [EVIL]: { requests: 5, latency_avg_ms: 1, latency_p95_ms: 2, errors: 0 } },
  },
});
beforeAll(async () => {
  cwd = reachableTempDir();
  port = String(await fake.start());
  url = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await fake.stop();
  rmSync(cwd, { recursive: true, force: true });
});

describe('nervecenter top --once', () => {
  it('prints one plain frame of what runs at the configured address', async () => {
    const { code, stdout, stderr } = await nervecenter(['top', '--once'], {
      cwd,
      env: { NERVECENTER_PORT: port },
    });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^nervecenter rag-app up 27h 25m /);
    assert.match(stdout, /^\/␛\]0;owned␇␛\[2J +5 /m);
    assert.doesNotMatch(stdout, /[^\P{Cc}\n]|\p{Cf}/u);
  });

  it('is what happens without a terminal, and takes the address as it was printed', async () => {
    const { code, stdout } = await nervecenter(['top', `--url=${url}/login#token=${ownToken}`], { cwd });
    assert.deepEqual([code, stdout.split(' ')[1]], [0, 'rag-app']);
  });

  for (const { what, args, pattern } of [
    {
      what: 'nothing listens',
      args: ['--url=http://127.0.0.1:1'],
      pattern: /: The collector at http:\S+ cannot be reached: start [^.]*--url\. \[NC_UNAVAILABLE\]\n$/,
    },
    {
      what: 'the address is none',
      args: ['--url=foo'],
      pattern: /--url: expected .* got "foo".*\[NC_CONFIG_INVALID\]\n$/,
    },
  ]) {
    it(`says in one line that ${what}`, async () => {
      const { code, stdout, stderr } = await nervecenter(['top', '--once', ...args], { cwd });
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^nervecenter: [^\n]+\n$/);
      assert.match(stderr, pattern);
    });
  }

  it('finds the token of the collector that keeps its data here, and says when it is not taken', async () => {
    const collector = new Command(['collector'], {
      cwd,
      env: { NERVECENTER_PORT: '0', NERVECENTER_STORAGE: 'off' },
    });
    try {
      const { url: own } = await collector.dashboard();
      const top = (env: Record<string, string>) => nervecenter(['top', `--url=${own}`], { cwd, env });
      assert.equal((await top({})).code, 0);
      const refused = await top({ NERVECENTER_ADMIN_TOKEN: 'not-the-token-of-this-one' });
      assert.deepEqual([refused.code, refused.stdout], [1, '']);
      assert.match(refused.stderr, /got another one.*\[NC_UNAUTHENTICATED\]\n$/);
      const elsewhere = join(cwd, 'elsewhere');
      mkdirSync(elsewhere);
      assert.match((await nervecenter(['top', `--url=${own}`], { cwd: elsewhere })).stderr, /got none/);
    } finally {
      await collector.kill();
    }
  });
});

/** `top` on a pseudo-terminal of 100 columns, made by util-linux' `script`. */
class OnTerminal {
  readonly child: ChildProcess;
  shown = '';

  constructor(env: Readonly<Record<string, string>>, nodeFlags = '') {
    const program = join(cwd, 'run.sh');
    writeFileSync(
      program,
      `stty cols 100 rows 30; echo "pid $$"; exec '${process.execPath}' ${nodeFlags} '${CLI}' top --url=${url}\n`,
    );
    this.child = spawn('script', ['-qefc', `sh '${program}'`, '/dev/null'], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, SHELL: '/bin/sh', TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.shown += chunk;
    });
  }

  async isLive(): Promise<void> {
    await until(() => this.shown.includes('live, every'), { what: this.shown });
  }

  signal(name: NodeJS.Signals): void {
    process.kill(Number(/pid (\d+)/.exec(this.shown)?.[1]), name);
  }

  async end(): Promise<number | null> {
    if (this.child.exitCode === null) await once(this.child, 'close');
    return this.child.exitCode;
  }
}

const hasScript = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
})();

describe('nervecenter top on a terminal', { skip: !hasScript }, () => {
  async function onTerminal(
    options: { readonly env?: Record<string, string>; readonly nodeFlags?: string },
    use: (terminal: OnTerminal) => Promise<void>,
  ): Promise<void> {
    const terminal = new OnTerminal(options.env ?? {}, options.nodeFlags);
    try {
      await terminal.isLive();
      await use(terminal);
    } finally {
      terminal.child.kill('SIGKILL');
    }
  }

  it('fills it in colours, takes keys, and gives it back at the end', async () => {
    await onTerminal({}, async (terminal) => {
      assert.ok(terminal.shown.includes(ENTER) && terminal.shown.includes('\x1b[38;5;46m'));
      assert.ok(!terminal.shown.includes('\x1b]0;'), 'no title from a route');
      terminal.child.stdin?.write('?');
      await until(() => terminal.shown.includes('try to connect now'));
      terminal.child.stdin?.write('xq');
      assert.equal(await terminal.end(), 0);
      assert.ok(terminal.shown.endsWith(LEAVE));
    });
  });

  it('is without colours where NO_COLOR is set, and ends on SIGTERM as on q', async () => {
    await onTerminal({ env: { NO_COLOR: '1' } }, async (terminal) => {
      const styles = terminal.shown.split('\x1b[').filter((part) => /^[\d;]*m/.test(part));
      assert.deepEqual(styles, []);
      terminal.signal('SIGTERM');
      assert.equal(await terminal.end(), 0);
      assert.ok(terminal.shown.endsWith(LEAVE));
    });
  });

  it('gives it back before an error that nobody caught is printed', async () => {
    const crash = "--import 'data:text/javascript,process.on(`SIGUSR2`,()=>{throw new Error(`boom`)})'";
    await onTerminal({ nodeFlags: crash }, async (terminal) => {
      terminal.signal('SIGUSR2');
      assert.notEqual(await terminal.end(), 0);
      const [left, printed] = [terminal.shown.indexOf(LEAVE), terminal.shown.indexOf('Error: boom')];
      assert.ok(left !== -1 && left < printed, terminal.shown.slice(-500));
    });
  });
});

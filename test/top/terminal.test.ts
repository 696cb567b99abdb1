import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { Access } from '../../src/top/access.ts';
import { runTop } from '../../src/top/app.ts';
import { oneFrame } from '../../src/top/once.ts';
import { Terminal, type TerminalInput, type TerminalOutput } from '../../src/top/terminal.ts';
import { WITHOUT_OTLP } from '../support/free-port.ts';
import { until } from '../support/poll.ts';

const TOKEN = 'a-token-long-enough-for-a-test';
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

class FakeInput extends EventEmitter implements TerminalInput {
  readonly isTTY = true;
  raw = false;
  setRawMode(on: boolean): void {
    this.raw = on;
  }
  setEncoding(): void {}
  resume(): void {}
  pause(): void {}
  types(text: string): void {
    this.emit('data', text);
  }
}

class FakeOutput extends EventEmitter implements TerminalOutput {
  columns = 90;
  rows = 24;
  /** Whether it takes more. */
  takes = true;
  written = '';
  write(text: string): boolean {
    this.written += text;
    return this.takes;
  }
  /** What was written since it was last asked. */
  takeWritten(): string {
    const { written } = this;
    this.written = '';
    return written;
  }
}

const listener = { typed() {}, resized() {}, lost() {} };

describe('a terminal', () => {
  it('is taken over and given back as it was, once, however often that is asked', () => {
    const [input, output] = [new FakeInput(), new FakeOutput()];
    const terminal = new Terminal(input, output, listener);
    terminal.leave();
    assert.equal(output.written, '');
    terminal.enter();
    assert.ok(input.raw && output.takeWritten().startsWith(ENTER));
    terminal.leave();
    terminal.leave();
    assert.ok(!input.raw);
    assert.equal(output.takeWritten().split(LEAVE).length, 2);
    terminal.draw(['late']);
    assert.equal(output.written, '');
    assert.equal(input.listenerCount('data') + output.listenerCount('resize'), 0);
  });

  it('is written only what has changed', () => {
    const output = new FakeOutput();
    const terminal = new Terminal(new FakeInput(), output, listener);
    terminal.enter();
    terminal.draw(['one', 'two', 'three']);
    output.takeWritten();
    terminal.draw(['one', 'TWO', 'three']);
    assert.equal(output.takeWritten(), '\x1b[?2026h\x1b[2;1H\x1b[2KTWO\x1b[?2026l');
    terminal.draw(['one', 'TWO', 'three']);
    assert.equal(output.takeWritten(), '');
    output.emit('resize');
    terminal.draw(['one', 'TWO', 'three']);
    assert.match(output.takeWritten(), /one.*TWO.*three/s);
    terminal.leave();
  });

  it('that lags behind misses frames and then shows the newest', () => {
    const output = new FakeOutput();
    const terminal = new Terminal(new FakeInput(), output, listener);
    terminal.enter();
    output.takes = false;
    terminal.draw(['1']);
    output.takeWritten();
    terminal.draw(['2']);
    terminal.draw(['3']);
    assert.equal(output.takeWritten(), '');
    output.emit('drain');
    terminal.draw(['4']);
    assert.match(output.takeWritten(), /4/);
    terminal.leave();
  });
});

describe('top on a collector', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  let collector: Collector;
  beforeAll(async () => {
    const config = readConfig(
      {
        OTEL_SERVICE_NAME: 'watched',
        NERVECENTER_PORT: '0',
        ...WITHOUT_OTLP,
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_INTERVAL_MS: '1000',
        NERVECENTER_ADMIN_TOKEN: TOKEN,
        NERVECENTER_DATA_DIR: dataDir,
      },
      dataDir,
    );
    collector = await startCollector({ config, log: () => {}, host: null });
  });
  afterAll(async () => {
    await collector.shutdown(1000);
    rmSync(dataDir, { recursive: true, force: true });
  });

  const url = () => collector.url.replace(/\/$/, '');

  it('shows its stream, obeys the keys, and leaves no trace', async () => {
    const [input, output] = [new FakeInput(), new FakeOutput()];
    const listenersBefore = process.listenerCount('SIGTERM') + process.listenerCount('exit');
    const ended = runTop({ access: new Access(url(), () => TOKEN), input, output, depth: 1 });
    await until(() => /watched up .*live, every \d s/s.test(output.written));
    await until(() => output.written.includes('no rules'), { what: 'alerts' });
    input.types('5');
    await until(() => output.written.includes('Instances'));
    input.types('p');
    await until(() => output.written.includes('PAUSED'));
    input.types('p1');
    output.columns = 150;
    output.emit('resize');
    await until(() => /System.{40,}RAG/.test(output.written), { what: 'two columns' });
    input.types('q');
    await ended;
    assert.ok(output.written.endsWith(LEAVE));
    assert.equal(process.listenerCount('SIGTERM') + process.listenerCount('exit'), listenersBefore);
  });

  it('says that a token is missing, and finds one that comes later', async () => {
    const [input, output] = [new FakeInput(), new FakeOutput()];
    let token: string | null = null;
    const ended = runTop({ access: new Access(url(), () => token), input, output, depth: 1 });
    await until(() => output.written.includes('LOGIN NEEDED'));
    token = TOKEN;
    input.types('r');
    await until(() => output.written.includes('live, every'));
    input.types('\x03');
    await ended;
  });

  it('does not go on knocking with a token that was refused', async () => {
    let nowMs = 0;
    let token = 'not-the-token-of-this-one';
    const access = new Access(url(), () => token, { now: () => nowMs });
    await assert.rejects(oneFrame(access, 100), /got another one/);
    assert.deepEqual([access.token(), access.hasToken], [null, true]);
    nowMs = 60_000;
    assert.equal(access.token(), token);
    await assert.rejects(oneFrame(access, 100), /got another one/);
    assert.equal(access.token(), null);
    access.forgive();
    assert.equal(access.token(), token);
    token = TOKEN;
    assert.match(await oneFrame(access, 100), /watched/);
  });

  it('prints one frame', async () => {
    const frame = await oneFrame(new Access(url(), () => TOKEN), 100);
    assert.match(frame, /^nervecenter watched up 0h 0m +\d\d:\d\d:\d\d UTC\n/);
    assert.match(frame, /^Alerts {2}no rules$/m);
  });
});

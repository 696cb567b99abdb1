import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'vitest';
import { WebSocket } from 'ws';
import { MIB } from '../../../src/core/units.ts';
import {
  type Attack,
  connectAndLeave,
  deafViewers,
  pipelines,
  slowRequests,
  type Target,
} from '../../support/attacks/attackers.ts';
import { until } from '../../support/poll.ts';
import type { Holds, Question } from './attacked-server.ts';
import { TOKEN } from './fixture.ts';

/** Some snapshots of 1 MB that are on their way, and what V8 does as it pleases. */
const DURING_MAX = 40 * MIB;
const AFTER_MAX = 8 * MIB;
const HONEST = 80;
const DEAF = 20;
const SLOW = 200;
const PIPELINED = 60;
const CONNECTS = 3000;
/** The server looks every 5 s for requests that take more than 15 s. */
const SLOW_ENDED = { timeoutMs: 120_000, what: 'no slow request is left' };

/** Somebody who watches the stream and reads. */
class Honest {
  readonly socket: WebSocket;
  readonly seqs: number[] = [];

  constructor({ port, token }: Target) {
    const headers = { authorization: `Bearer ${token}` };
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/api/metrics/stream`, { headers });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      this.seqs.push(Number(/"seq":(\d+)/.exec(String(data).slice(0, 100))?.[1]));
    });
  }
}

/** The server in a process of its own, and those who watch it meanwhile. */
class Attacked {
  readonly target: Target;
  readonly honest: readonly Honest[];
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, port: number, viewers: number) {
    this.#child = child;
    this.target = { port, token: TOKEN };
    this.honest = Array.from({ length: viewers }, () => new Honest(this.target));
  }

  holds(): Promise<Holds> {
    return this.#ask('holds');
  }

  /** One tick, which every honest viewer has before the next. */
  async tick(): Promise<void> {
    const seq = await this.#ask<number>('tick');
    await until(() => this.honest.every(({ seqs }) => seqs.at(-1) === seq), {
      timeoutMs: 60_000,
      what: 'every honest viewer has the tick',
    });
  }

  assertEveryTick(): void {
    for (const { seqs } of this.honest) {
      const [first = 0] = seqs;
      assert.deepEqual(
        seqs,
        Array.from(seqs, (_, index) => first + index),
      );
    }
  }

  async #ask<T>(question: Question): Promise<T> {
    const answer = once(this.#child, 'message');
    this.#child.send(question);
    return (await answer)[0] as T;
  }
}

async function attacked(test: TestContext, viewers: number): Promise<Attacked> {
  const child = fork(join(import.meta.dirname, 'attacked-server.ts'), { execArgv: ['--expose-gc'] });
  test.onTestFinished(async () => {
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
  });
  const [port] = (await once(child, 'message')) as [number];
  const server = new Attacked(child, port, viewers);
  test.onTestFinished(() => {
    for (const { socket } of server.honest) socket.terminate();
  });
  await until(() => server.honest.every(({ seqs }) => seqs.length === 1), { timeoutMs: 60_000 });
  await server.tick();
  return server;
}

function stoppedWith(test: TestContext, attack: Attack): Attack {
  test.onTestFinished(() => attack.stop());
  return attack;
}

const grownMib = (to: Holds, from: Holds) => Math.round((to.bytes - from.bytes) / MIB);

describe('whoever reads has every tick, and memory is bounded, while', () => {
  it(`${DEAF} of ${HONEST + DEAF} viewers never read`, async (test) => {
    const server = await attacked(test, HONEST);
    const before = await server.holds();
    const deaf = stoppedWith(test, await deafViewers(server.target, DEAF));
    let most = before;
    for (let ticks = 0; deaf.sockets.length > 0 && most.viewers > HONEST - 1; ticks++) {
      assert.ok(ticks < 40, 'those who do not read are still there');
      await server.tick();
      const now = await server.holds();
      assert.ok(now.bytes - before.bytes < DURING_MAX, `${grownMib(now, before)} MiB more`);
      most = now;
      if (now.viewers === HONEST) break;
    }
    for (let ticks = 0; ticks < 3; ticks++) await server.tick();
    server.assertEveryTick();
    const after = await server.holds();
    assert.equal(after.viewers, HONEST);
    assert.ok(after.bytes - before.bytes < AFTER_MAX, `${grownMib(after, before)} MiB more`);
  });

  it(`${CONNECTS.toLocaleString('en')} connections come and go`, async (test) => {
    const server = await attacked(test, 3);
    await connectAndLeave(server.target, 300);
    const before = await server.holds();
    const flood = connectAndLeave(server.target, CONNECTS);
    for (let ticks = 0; ticks < 5; ticks++) await server.tick();
    await flood;
    await server.tick();
    server.assertEveryTick();
    await until(async () => (await server.holds()).bytes - before.bytes < AFTER_MAX, { timeoutMs: 60_000 });
  });

  it(`${SLOW} requests come byte by byte or never end, until the server ends them`, async (test) => {
    const server = await attacked(test, 3);
    const before = await server.holds();
    const slow = stoppedWith(test, await slowRequests(server.target, SLOW));
    await server.tick();
    const during = await server.holds();
    assert.ok(during.bytes - before.bytes < DURING_MAX, `${grownMib(during, before)} MiB more`);
    await until(() => slow.ended() === SLOW, SLOW_ENDED);
    await server.tick();
    server.assertEveryTick();
    await until(async () => (await server.holds()).bytes - before.bytes < AFTER_MAX, { timeoutMs: 60_000 });
  });

  it(`${PIPELINED} connections ask a thousand times and read nothing`, async (test) => {
    const server = await attacked(test, 3);
    const before = await server.holds();
    const asking = stoppedWith(test, await pipelines(server.target, PIPELINED));
    const dropped = async () => {
      const now = await server.holds();
      assert.ok(now.bytes - before.bytes < DURING_MAX, `${grownMib(now, before)} MiB more`);
      return now.counters['nervecenter.server.refusals connections'] === PIPELINED;
    };
    await until(dropped, { timeoutMs: 60_000, what: 'all of them are ended, within the bound of memory' });
    asking.stop();
    await server.tick();
    server.assertEveryTick();
    const after = await server.holds();
    assert.ok(after.bytes - before.bytes < AFTER_MAX, `${grownMib(after, before)} MiB more`);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { FactReader, type FactReaderParts } from '../../../src/collector/host/fact-reader.ts';
import type { FactSource } from '../../../src/collector/host/fact-thread.ts';
import { type Answers, NO_FACTS, type Question } from '../../../src/collector/host/host-facts.ts';
import { until } from '../../support/poll.ts';

const MINUTE_MS = 60_000;
const ANSWERS: Answers = {
  disks: [{ mount: '/', size: 100, rw: true }],
  network: [{ rx_sec: 10, tx_sec: 20 }],
  memory: { total: 8, available: 6 },
};
const FACTS = {
  mountPoints: ['/'],
  network: { rx: 10, tx: 20 },
  memory: { usedBytes: 2, totalBytes: 8 },
};

/** A machine that answers when told to. */
class SlowSource implements FactSource {
  readonly questions: Question[] = [];
  closed = 0;
  #answer = Promise.withResolvers<Answers>();

  ask(question: Question): Promise<Answers> {
    this.questions.push(question);
    this.#answer = Promise.withResolvers();
    return this.#answer.promise;
  }

  close(): void {
    this.closed++;
  }

  answer(answers: Answers): void {
    this.#answer.resolve(answers);
  }

  fail(): void {
    this.#answer.reject(new Error('no such program'));
  }
}

function readerOf(parts: Partial<FactReaderParts> = {}) {
  const source = new SlowSource();
  const clock = { nowMs: 1000 };
  const reader = new FactReader({
    source,
    monotonicMs: () => clock.nowMs,
    interfaces: () => ['en0'],
    memory: true,
    ...parts,
  });
  return { source, clock, reader };
}

describe('facts of a host', () => {
  it('are not known at first, and reading them never waits', async () => {
    const { source, reader } = readerOf();
    assert.equal(reader.latest(), NO_FACTS);
    assert.equal(reader.latest(), NO_FACTS);
    assert.deepEqual(source.questions, [{ disks: true, memory: true, interfaces: ['en0'] }]);
    source.answer(ANSWERS);
    await until(() => reader.latest() !== NO_FACTS);
    assert.deepEqual(reader.latest(), FACTS);
    assert.equal(source.questions.length, 1);
  });

  it('are asked every 15 s, mounts every 10 minutes', async () => {
    const { source, clock, reader } = readerOf();
    for (let minute = 0; minute <= 10; minute++) {
      for (const ms of [0, 5000, 10_000]) {
        clock.nowMs = 1000 + minute * MINUTE_MS + ms;
        const before = source.questions.length;
        reader.latest();
        assert.equal(source.questions.length - before, ms === 0 ? 1 : 0);
        source.answer(source.questions.at(-1)?.disks ? ANSWERS : { ...ANSWERS, disks: null });
        await Promise.resolve();
        await until(() => reader.latest().network !== null);
        assert.deepEqual(reader.latest(), FACTS);
      }
    }
    assert.deepEqual(
      source.questions.map(({ disks }) => disks),
      [true, ...new Array<boolean>(9).fill(false), true],
    );
  });

  it('are asked less often where answers take long', async () => {
    const { source, clock, reader } = readerOf();
    reader.latest();
    clock.nowMs += 3000;
    source.answer(ANSWERS);
    await until(() => reader.latest() !== NO_FACTS);
    clock.nowMs += 59_000;
    reader.latest();
    assert.equal(source.questions.length, 1);
    clock.nowMs += 1000;
    reader.latest();
    assert.equal(source.questions.length, 2);
  });

  it('that cannot be had are not known any more, mounts stay; the next question begins anew', async () => {
    const { source, clock, reader } = readerOf();
    reader.latest();
    source.answer(ANSWERS);
    await until(() => reader.latest() !== NO_FACTS);
    clock.nowMs += 15_000;
    reader.latest();
    source.fail();
    await until(() => source.closed === 1);
    assert.deepEqual(reader.latest(), { mountPoints: ['/'], network: null, memory: null });
    clock.nowMs += 15_000;
    reader.latest();
    source.answer({ ...ANSWERS, disks: null });
    await until(() => reader.latest().network !== null);
    assert.deepEqual(reader.latest(), FACTS);
  });

  it('that nobody answers are given up, and what comes later is not waited for', async () => {
    const { source, clock, reader } = readerOf({ timeoutMs: 5 });
    reader.latest();
    await until(() => source.closed === 1);
    assert.deepEqual(reader.latest(), NO_FACTS);
    source.answer(ANSWERS);
    clock.nowMs += 15_000;
    reader.latest();
    assert.equal(source.questions.length, 2);
  });

  it('answered in part are known in part', async () => {
    const { source, reader } = readerOf();
    reader.latest();
    source.answer({ ...ANSWERS, disks: null, memory: null });
    await until(() => reader.latest() !== NO_FACTS);
    assert.deepEqual(reader.latest(), { mountPoints: null, network: FACTS.network, memory: null });
  });

  it('are asked by nobody once stopped', () => {
    const { source, reader } = readerOf();
    reader.stop();
    assert.equal(reader.latest(), NO_FACTS);
    assert.deepEqual([source.questions.length, source.closed], [0, 1]);
  });
});

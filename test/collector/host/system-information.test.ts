import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { FactThread } from '../../../src/collector/host/fact-thread.ts';
import { type HostFacts, interfacesToAsk } from '../../../src/collector/host/host-facts.ts';
import type { HostSample } from '../../../src/collector/host/host-sample.ts';
import { type FactTeller, type Platform, thisMachine } from '../../../src/collector/host/platform.ts';
import { createHostSampler } from '../../../src/collector/host/sampler.ts';
import { until } from '../../support/poll.ts';

const MIB = 1024 ** 2;
const PROGRAMS_TIMEOUT_MS = 60_000;

describe('this machine as systeminformation tells it, in its own thread', () => {
  const facts: FactTeller = thisMachine.facts();
  /** As a platform would be that has no `/proc`. */
  const platform: Platform = { ...thisMachine, linux: false, facts: () => facts };
  const sampler = createHostSampler({ dataDir: tmpdir(), platform });
  let told: HostFacts;
  let sample: HostSample;
  let byProc: HostSample;
  beforeAll(async () => {
    await until(() => facts.latest().mountPoints, { timeoutMs: PROGRAMS_TIMEOUT_MS });
    told = facts.latest();
    sample = await sampler.sample();
    byProc = await createHostSampler({ dataDir: tmpdir() }).sample();
  });
  afterAll(() => sampler.stop());

  it('has the disk of the data directory, as large and as full as /proc and Node say', () => {
    const [home] = sample.disks;
    const same = byProc.disks.find(({ mountPoint }) => mountPoint === home?.mountPoint);
    assert.ok(home !== undefined && same !== undefined, JSON.stringify([sample.disks, byProc.disks]));
    assert.equal(home.mountPoint, byProc.disks[0]?.mountPoint);
    assert.ok(Math.abs(home.usedBytes - same.usedBytes) < 500 * MIB);
    assert.ok(Math.abs(home.totalBytes - same.totalBytes) < 500 * MIB);
  });

  it('has the memory that /proc tells', () => {
    assert.ok(told.memory !== null);
    assert.equal(sample.memoryUsedBytes, told.memory.usedBytes);
    if (byProc.containerLimited) return; // That is the container's, not the machine's.
    assert.equal(told.memory.totalBytes, byProc.memoryTotalBytes);
    assert.ok(Math.abs(told.memory.usedBytes - byProc.memoryUsedBytes) < byProc.memoryTotalBytes / 4);
  });

  it('has a network after the second answer, not before', async () => {
    assert.equal(told.network, null);
    assert.deepEqual([sample.networkRxBytesPerSecond ?? 0, sample.networkTxBytesPerSecond ?? 0], [0, 0]);
    const [name] = interfacesToAsk(networkInterfaces(), false);
    if (name === undefined) return; // A machine without a network.
    const thread = new FactThread();
    const ask = () => thread.ask({ disks: false, memory: false, interfaces: [name] });
    await ask();
    // Its rates are of at least half a second; until then it repeats its answer.
    const [rate] = await until(async () => {
      const { network } = await ask();
      return network?.[0]?.rx_sec === null ? undefined : network;
    });
    thread.close();
    assert.ok(rate !== undefined && Number(rate.rx_sec) >= 0 && Number(rate.tx_sec) >= 0);
  });
});

describe('the thread', () => {
  it('that is closed rejects what is asked, and the next question starts another', async () => {
    const thread = new FactThread();
    const asked = thread.ask({ disks: true, memory: true, interfaces: [] });
    thread.close();
    await assert.rejects(asked, /has ended/);
    const answers = await until(() =>
      thread.ask({ disks: false, memory: true, interfaces: [] }).catch(() => null),
    );
    assert.ok(answers.memory !== null && answers.memory.total > 0);
    thread.close();
  });

  it('does not keep its process alive and prints nothing', async () => {
    const module = join(import.meta.dirname, '..', '..', '..', 'src', 'collector', 'host', 'platform.ts');
    const script = `
      const { thisMachine } = await import(${JSON.stringify(module)});
      const facts = thisMachine.facts();
      const wait = setInterval(() => { if (facts.latest().mountPoints) clearInterval(wait); }, 20);
      facts.latest();`;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script],
      { timeout: PROGRAMS_TIMEOUT_MS },
    );
    assert.deepEqual([stdout, stderr], ['', '']);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { DiskReader, diskSample, type FileSystemStats } from '../../../src/collector/host/disks.ts';
import { NO_FACTS } from '../../../src/collector/host/host-facts.ts';
import { DISKS_MAX } from '../../../src/collector/host/mounts.ts';
import { createHostSampler } from '../../../src/collector/host/sampler.ts';
import { until } from '../../support/poll.ts';
import { FileMachine, HOST_FILES, STAT, V1_FILES, V2_FILES } from './machines.ts';

const GIB = 1024 ** 3;
const STATS: FileSystemStats = { bsize: 4096, blocks: 1000, bfree: 400, bavail: 350 };

test('a real sample of this machine', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'host-'));
  try {
    const sampler = createHostSampler({ dataDir: join(dir, 'not', 'there', 'yet') });
    const sample = await sampler.sample();
    for (const value of Object.values(sample).filter((value) => typeof value === 'number')) {
      assert.ok(Number.isFinite(value) && value >= 0);
    }
    assert.ok((sample.cpuPercent ?? 0) <= 100 && sample.cpuCount > 0);
    assert.ok(sample.memoryTotalBytes <= totalmem() && sample.memoryUsedBytes < sample.memoryTotalBytes);
    const home = sample.disks[0];
    assert.ok(home !== undefined && home.usedBytes <= home.totalBytes);
    const { blocks, bfree, bavail, bsize } = statfsSync(dir);
    assert.equal(
      home.totalBytes > 0 && Math.abs(home.totalBytes - (blocks - bfree + bavail) * bsize) < GIB,
      true,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a host without limits: everything against the whole machine', async () => {
  const machine = new FileMachine(HOST_FILES);
  const sampler = createHostSampler({ dataDir: '/data/pg', platform: machine });
  machine.nowMs += 2000;
  // 100 more busy ticks and 300 more idle ones; 4,000 and 2,000 more bytes.
  machine.files['/proc/stat'] = STAT.replace('cpu  1000 0 500 8000', 'cpu  1100 0 500 8300');
  machine.files['/proc/net/dev'] = ' eth0: 1004500 1 0 0 0 0 0 0 202050 1 0 0 0 0 0 0\n';
  const sample = await sampler.sample();
  assert.equal(sample.cpuPercent, 25);
  assert.equal(sample.cpuCount, 2);
  assert.equal(sample.load1m, 0.5);
  assert.equal(sample.memoryTotalBytes, 24_683_768 * 1024);
  assert.equal(sample.networkRxBytesPerSecond, 2000);
  assert.equal(sample.networkTxBytesPerSecond, 1000);
  assert.equal(sample.containerLimited, false);
  assert.deepEqual(machine.asked, ['/data', '/', '/var/lib/my data', '/mnt/share']);
  assert.deepEqual(sample.disks[0], { mountPoint: '/data', usedBytes: 600 * 4096, totalBytes: 950 * 4096 });
});

test('a few milliseconds are no interval: nothing is known then, and the next sample is since the first', async () => {
  const machine = new FileMachine(HOST_FILES);
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  machine.nowMs += 3;
  machine.files['/proc/stat'] = STAT.replace('cpu  1000 0 500 8000', 'cpu  1001 0 500 8000');
  const { cpuPercent, networkRxBytesPerSecond } = await sampler.sample();
  assert.deepEqual([cpuPercent, networkRxBytesPerSecond], [null, null]);
  machine.nowMs += 997;
  machine.files['/proc/stat'] = STAT.replace('cpu  1000 0 500 8000', 'cpu  1050 0 500 8150');
  assert.equal((await sampler.sample()).cpuPercent, 25);
  machine.nowMs += 3;
  assert.equal((await sampler.sample()).cpuPercent, 25);
});

test('inside a container: CPU and memory against its limit, version 2', async () => {
  const machine = new FileMachine(V2_FILES);
  const sampler = createHostSampler({ dataDir: '/app/.nervecenter', platform: machine });
  machine.nowMs += 1000;
  machine.files['/sys/fs/cgroup/cpu.stat'] = 'usage_usec 1250000\n';
  const sample = await sampler.sample();
  assert.equal(sample.cpuPercent, 50); // A quarter of a second of CPU per second, half a CPU allowed.
  assert.equal(sample.cpuCount, 0.5);
  assert.equal(sample.memoryTotalBytes, GIB);
  assert.equal(sample.memoryUsedBytes, 400 * 1024 ** 2);
  assert.equal(sample.containerLimited, true);
});

test('inside a container: version 1', async () => {
  const machine = new FileMachine(V1_FILES);
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  machine.nowMs += 1000;
  machine.files['/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage'] = '9000000000\n';
  const sample = await sampler.sample();
  assert.equal(sample.cpuPercent, 100);
  assert.deepEqual([sample.cpuCount, sample.memoryTotalBytes, sample.containerLimited], [1.5, 2 * GIB, true]);
});

test('limits as large as the machine limit nothing', async () => {
  const machine = new FileMachine({
    ...V1_FILES,
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
  });
  const sample = await createHostSampler({ dataDir: '/', platform: machine }).sample();
  assert.equal(sample.containerLimited, false);
  assert.equal(sample.cpuCount, 2);
  assert.equal(sample.memoryTotalBytes, 24_683_768 * 1024);
});

test('only memory limited: CPU stays the machine’s', async () => {
  const machine = new FileMachine({ ...V2_FILES, '/sys/fs/cgroup/cpu.max': 'max 100000' });
  const sample = await createHostSampler({ dataDir: '/', platform: machine }).sample();
  assert.deepEqual([sample.cpuCount, sample.memoryTotalBytes, sample.containerLimited], [2, GIB, true]);
});

test('a limit that appears between two samples makes no false figure', async () => {
  const machine = new FileMachine({ ...V2_FILES, '/sys/fs/cgroup/cpu.max': 'max 100000' });
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  machine.nowMs += 60_000;
  machine.files['/sys/fs/cgroup/cpu.max'] = '50000 100000';
  assert.equal((await sampler.sample()).cpuPercent, null);
  machine.nowMs += 1000;
  machine.files['/sys/fs/cgroup/cpu.stat'] = 'usage_usec 1500000\n';
  assert.equal((await sampler.sample()).cpuPercent, 100);
});

test('what lies about the process is looked for once a minute, and at once when a limit is gone', async () => {
  const machine = new FileMachine(V2_FILES);
  const read: string[] = [];
  const readFile = (path: string) => {
    read.push(path);
    return machine.files[path] ?? null;
  };
  const sampler = createHostSampler({ dataDir: '/', platform: Object.assign(machine, { readFile }) });
  const filesOf = async () => {
    read.length = 0;
    await sampler.sample();
    return read.filter((path) => path.startsWith('/sys') || path.startsWith('/proc/self'));
  };
  const used = ['cpu.stat', 'memory.current', 'memory.stat'].map((name) => `/sys/fs/cgroup/${name}`);
  machine.nowMs += 59_999;
  assert.deepEqual(await filesOf(), used);
  machine.nowMs += 1;
  assert.ok((await filesOf()).includes('/proc/self/mountinfo'));
  const looks = async () => (await filesOf()).includes('/sys/fs/cgroup/memory.max');
  delete machine.files['/sys/fs/cgroup/memory.current'];
  assert.deepEqual([await looks(), await looks()], [true, false], 'once: it does not help');
  assert.equal((await sampler.sample()).memoryTotalBytes, 24_683_768 * 1024);
  machine.files['/sys/fs/cgroup/memory.current'] = `${GIB / 2}`;
  machine.files['/sys/fs/cgroup/memory.stat'] = '';
  assert.equal(await looks(), false);
  machine.files['/sys/fs/cgroup/memory.current'] = `${3 * GIB}`;
  machine.files['/sys/fs/cgroup/memory.max'] = `${4 * GIB}`;
  const { memoryTotalBytes, memoryUsedBytes } = await sampler.sample();
  assert.deepEqual([memoryUsedBytes, memoryTotalBytes], [3 * GIB, 4 * GIB], 'more than may be');
});

test('what cannot be read for once is as it was', async () => {
  const machine = new FileMachine(V2_FILES);
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  const mountinfo = machine.files['/proc/self/mountinfo'] ?? '';
  delete machine.files['/proc/self/mountinfo'];
  machine.nowMs += 60_000;
  assert.equal((await sampler.sample()).memoryTotalBytes, GIB);
  machine.files['/proc/self/mountinfo'] = mountinfo;
  machine.files['/sys/fs/cgroup/memory.max'] = `${2 * GIB}`;
  assert.equal((await sampler.sample()).memoryTotalBytes, 2 * GIB);
});

test('other platforms get what Node knows', async () => {
  const machine = new FileMachine({}, false);
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  const sample = await sampler.sample();
  assert.equal(sample.memoryTotalBytes, 8 * GIB);
  assert.equal(sample.memoryUsedBytes, 2 * GIB);
  assert.equal(sample.networkRxBytesPerSecond, null);
  assert.equal(sample.containerLimited, false);
  assert.deepEqual(
    sample.disks.map(({ mountPoint }) => mountPoint),
    ['/'],
  );
});

test('other platforms get what their programs tell once they have', async () => {
  const machine = new FileMachine({}, false);
  const sampler = createHostSampler({ dataDir: '/Library/app', platform: machine });
  assert.deepEqual(
    (await sampler.sample()).disks.map(({ mountPoint }) => mountPoint),
    ['/Library/app'],
  );
  machine.told = {
    mountPoints: ['/System/Volumes/Data', '/Volumes/Backup'],
    network: { rx: 1000, tx: 0 },
    memory: { usedBytes: 3 * GIB, totalBytes: 16 * GIB },
  };
  const sample = await sampler.sample();
  assert.deepEqual(
    sample.disks.map(({ mountPoint }) => mountPoint),
    ['/System/Volumes/Data', '/Volumes/Backup'],
  );
  assert.deepEqual([sample.networkRxBytesPerSecond, sample.networkTxBytesPerSecond], [1000, 0]);
  assert.deepEqual([sample.memoryUsedBytes, sample.memoryTotalBytes], [3 * GIB, 16 * GIB]);
  assert.equal(sample.containerLimited, false);
});

test('a process that Node says is limited is measured against its limit', async () => {
  const machine = new FileMachine({}, false);
  machine.limitBytes = 4 * GIB;
  machine.told = { ...machine.told, memory: { usedBytes: 13 * GIB, totalBytes: 16 * GIB } };
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  const limited = await sampler.sample();
  assert.deepEqual(
    [limited.memoryUsedBytes, limited.memoryTotalBytes, limited.containerLimited],
    [GIB, 4 * GIB, true],
  );
  machine.limitBytes = 2 ** 64; // No limit, in libuv's words.
  assert.equal((await sampler.sample()).containerLimited, false);
});

test('a Linux without /proc asks its programs; one with it never does', async () => {
  let asked = 0;
  const facts = () => {
    asked++;
    return { latest: () => NO_FACTS, stop: () => {} };
  };
  const withProc = new FileMachine(HOST_FILES);
  await createHostSampler({ dataDir: '/', platform: Object.assign(withProc, { facts }) }).sample();
  assert.equal(asked, 0);
  const without = new FileMachine({});
  await createHostSampler({ dataDir: '/', platform: Object.assign(without, { facts }) }).sample();
  assert.equal(asked, 1);
});

test('an unreadable /proc still gives a sample', async () => {
  const machine = new FileMachine({ '/proc/stat': '', '/proc/meminfo': 'x', '/proc/net/dev': '' });
  const sample = await createHostSampler({ dataDir: '/', platform: machine }).sample();
  assert.equal(sample.memoryTotalBytes, 8 * GIB);
  assert.ok(sample.cpuCount >= 1);
  assert.equal(sample.disks.length, 1);
});

test('total is what df divides by', () => {
  assert.deepEqual(diskSample('/x', STATS), {
    mountPoint: '/x',
    usedBytes: 600 * 4096,
    totalBytes: 950 * 4096,
  });
});

test('a dead mount is left out, costs one question, and comes back when it answers', async () => {
  const asked: string[] = [];
  const dead = Promise.withResolvers<FileSystemStats>();
  const reader = new DiskReader((path) => {
    asked.push(path);
    return path === '/dead' ? dead.promise : Promise.resolve(STATS);
  }, 20);
  const mounts = [
    { mountPoint: '/', remote: false },
    { mountPoint: '/dead', remote: true },
    { mountPoint: '/other', remote: true },
  ];
  const points = async () => (await reader.read(mounts)).map(({ mountPoint }) => mountPoint);
  assert.deepEqual(await points(), ['/']);
  assert.deepEqual(await points(), ['/']);
  assert.deepEqual(asked, ['/', '/dead', '/']);
  dead.resolve(STATS);
  await until(async () => (await points()).length === mounts.length);
});

test('file systems that fail or have no size are left out, and no more than the bound are asked', async () => {
  let asked = 0;
  const reader = new DiskReader(async (path) => {
    asked++;
    if (path === '/denied') throw Object.assign(new Error('denied'), { code: 'EACCES' });
    return path === '/empty' ? { ...STATS, blocks: 0 } : STATS;
  });
  const few = ['/denied', '/empty', '/fine'].map((mountPoint) => ({ mountPoint, remote: false }));
  assert.deepEqual(
    (await reader.read(few)).map(({ mountPoint }) => mountPoint),
    ['/fine'],
  );
  asked = 0;
  const many = Array.from({ length: DISKS_MAX + 8 }, (_, i) => ({ mountPoint: `/${i}`, remote: false }));
  assert.equal((await reader.read(many)).length, DISKS_MAX);
  assert.equal(asked, DISKS_MAX);
});

test('samples asked for at the same time are one', async () => {
  const machine = new FileMachine(HOST_FILES);
  const sampler = createHostSampler({ dataDir: '/', platform: machine });
  const [first, second] = await Promise.all([sampler.sample(), sampler.sample()]);
  assert.equal(first, second);
  assert.notEqual(await sampler.sample(), first);
});

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { findCgroupLimits } from '../../../src/collector/host/cgroup.ts';
import { busyPercent, cpuTimesOf, parseProcStat } from '../../../src/collector/host/cpu.ts';
import { parseMeminfo } from '../../../src/collector/host/memory.ts';
import { fileSystems, parseMountinfo } from '../../../src/collector/host/mounts.ts';
import { bytesPerSecond, parseNetDev } from '../../../src/collector/host/network.ts';
import {
  CGROUP_V1,
  MEMINFO,
  MOUNTINFO_CONTAINER_V1,
  MOUNTINFO_CONTAINER_V2,
  MOUNTINFO_HOST,
  NET_DEV,
  STAT,
  V1_FILES,
  V2_FILES,
} from './machines.ts';

const ODD_TEXTS = [
  '',
  '\n',
  'nonsense',
  'cpu',
  'cpu  ',
  ':::',
  ' - ',
  '\0\0',
  'MemTotal: many kB',
  '{"a":1}',
];

test('CPU times: waiting for disks is idle, stolen time is busy', () => {
  assert.deepEqual(parseProcStat(STAT), { busy: 1800, total: 10_000, count: 2 });
  assert.deepEqual(parseProcStat('cpu  10 0 10 80\n'), { busy: 20, total: 100, count: 1 });
});

test('CPU times from Node', () => {
  const times = { user: 10, nice: 0, sys: 10, idle: 70, irq: 10 };
  assert.deepEqual(cpuTimesOf([{ times }, { times }]), { busy: 60, total: 200, count: 2 });
  assert.deepEqual(cpuTimesOf([]), { busy: 0, total: 0, count: 1 });
});

test('busy percent: of the time between, within 0 and 100', () => {
  const at = (busy: number, total: number) => ({ busy, total, count: 2 });
  assert.equal(busyPercent(at(100, 1000), at(150, 1200)), 25);
  assert.equal(busyPercent(at(100, 1000), at(90, 1100)), 0);
  assert.equal(busyPercent(at(100, 1000), at(300, 1100)), 100);
  assert.equal(busyPercent(at(100, 1000), at(100, 1000)), null);
});

test('memory: used is what is not available', () => {
  assert.deepEqual(parseMeminfo(MEMINFO), {
    totalBytes: 24_683_768 * 1024,
    usedBytes: (24_683_768 - 24_187_076) * 1024,
  });
  const old = MEMINFO.replace(/MemAvailable.*\n/, '');
  assert.equal(parseMeminfo(old)?.usedBytes, (24_683_768 - 22_164_092 - 115_364 - 2_080_196) * 1024);
});

test('network: no loopback, nothing twice, counters that follow the colon at once', () => {
  assert.deepEqual(parseNetDev(NET_DEV), { rx: 1_000_500, tx: 200_050 });
});

test('rates never are negative or divided by nothing', () => {
  assert.equal(bytesPerSecond(1000, 3000, 500), 4000);
  assert.equal(bytesPerSecond(3000, 1000, 500), 0);
  assert.equal(bytesPerSecond(1000, 3000, 0), 0);
});

test('file systems: each device once, the data directory’s first, remote last, no pseudo ones', () => {
  const mounts = parseMountinfo(MOUNTINFO_HOST);
  assert.deepEqual(fileSystems(mounts, '/var/lib/my data/pg'), [
    { mountPoint: '/var/lib/my data', remote: false },
    { mountPoint: '/', remote: false },
    { mountPoint: '/data', remote: false },
    { mountPoint: '/mnt/share', remote: true },
  ]);
  assert.equal(fileSystems(mounts, '/var/lib/my database')[0]?.mountPoint, '/');
  assert.equal(fileSystems(mounts, '/mnt/share/x')[0]?.mountPoint, '/mnt/share');
});

test('file systems of a container: its overlay or volume, not the files bound into it', () => {
  const mounts = parseMountinfo(MOUNTINFO_CONTAINER_V2);
  const points = (dataDir: string) => fileSystems(mounts, dataDir).map(({ mountPoint }) => mountPoint);
  assert.deepEqual(points('/app/.nervecenter'), ['/app/.nervecenter']);
  assert.deepEqual(points('/srv'), ['/', '/app/.nervecenter']);
});

test('a mount that hides another counts in its place', () => {
  const hidden = '30 1 254:1 / /data rw - ext4 /dev/a rw\n31 1 254:2 / /data rw - ext4 /dev/b rw\n';
  assert.deepEqual(fileSystems(parseMountinfo(hidden), '/data'), [{ mountPoint: '/data', remote: false }]);
  assert.equal(parseMountinfo(hidden).length, 2);
});

const limitsOf = (files: Readonly<Record<string, string>>, mountinfo: string, membership: string) =>
  used(findCgroupLimits((path) => files[path] ?? null, parseMountinfo(mountinfo), membership));

/** As they are, with what is used under them. */
function used({ cpu, memory }: ReturnType<typeof findCgroupLimits>) {
  return {
    cpu: cpu && { ...cpu, usedMs: cpu.usedMs() },
    memory: memory && { ...memory, usedBytes: memory.usedBytes() },
  };
}

test('cgroup version 2: limits and use, inactive page cache taken off', () => {
  assert.deepEqual(limitsOf(V2_FILES, MOUNTINFO_CONTAINER_V2, '0::/\n'), {
    cpu: { group: '/sys/fs/cgroup', cpus: 0.5, usedMs: 1000 },
    memory: { limitBytes: 1024 ** 3, usedBytes: 400 * 1024 ** 2 },
  });
});

test('cgroup version 1 as Docker mounts it', () => {
  assert.deepEqual(limitsOf(V1_FILES, MOUNTINFO_CONTAINER_V1, CGROUP_V1), {
    cpu: { group: '/sys/fs/cgroup/cpu,cpuacct', cpus: 1.5, usedMs: 1000 },
    memory: { limitBytes: 2 * 1024 ** 3, usedBytes: 768 * 1024 ** 2 },
  });
});

test('the tightest limit among parents counts, with what is used under it', () => {
  const files = {
    '/sys/fs/cgroup/a/b/cpu.max': 'max 100000',
    '/sys/fs/cgroup/a/cpu.max': '100000 100000',
    '/sys/fs/cgroup/a/cpu.stat': 'usage_usec 5000',
    '/sys/fs/cgroup/a/b/memory.max': '1000',
    '/sys/fs/cgroup/a/b/memory.current': '300',
    '/sys/fs/cgroup/a/memory.max': '500',
    '/sys/fs/cgroup/a/memory.current': '400',
  };
  assert.deepEqual(limitsOf(files, MOUNTINFO_HOST, '0::/a/b\n'), {
    cpu: { group: '/sys/fs/cgroup/a', cpus: 1, usedMs: 5 },
    memory: { limitBytes: 500, usedBytes: 400 },
  });
});

test('version 1 in separate mounts finds the accounting of the limiting level', () => {
  const mountinfo =
    '32 31 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu\n33 31 0:29 / /cg/cpuacct rw - cgroup cgroup rw,cpuacct\n';
  const files = {
    '/cg/cpu/a/b/cpu.cfs_quota_us': '-1',
    '/cg/cpu/a/b/cpu.cfs_period_us': '100000',
    '/cg/cpu/a/cpu.cfs_quota_us': '50000',
    '/cg/cpu/a/cpu.cfs_period_us': '100000',
    '/cg/cpuacct/a/cpuacct.usage': '7000000',
    '/cg/cpuacct/a/b/cpuacct.usage': '1000000',
  };
  const { cpu, memory } = limitsOf(files, mountinfo, '2:cpuacct:/a/b\n1:cpu:/a/b\n');
  assert.deepEqual(cpu, { group: '/cg/cpu/a', cpus: 0.5, usedMs: 7 });
  assert.equal(memory, null);
});

test('no limit, odd paths and texts: nothing limits; of a limit without its use nothing is known', () => {
  const none = { cpu: null, memory: null };
  assert.deepEqual(limitsOf({}, MOUNTINFO_CONTAINER_V2, '0::/\n'), none);
  const unlimited = { '/sys/fs/cgroup/cpu.max': 'max 100000', '/sys/fs/cgroup/memory.max': 'max' };
  assert.deepEqual(limitsOf(unlimited, MOUNTINFO_CONTAINER_V2, '0::/\n'), none);
  const useless = { '/sys/fs/cgroup/cpu.max': '1000 1000', '/sys/fs/cgroup/memory.max': '1000' };
  const { cpu, memory } = limitsOf(useless, MOUNTINFO_CONTAINER_V2, '0::/\n');
  assert.deepEqual([cpu?.usedMs, memory?.usedBytes], [null, null]);
  assert.equal(limitsOf(V2_FILES, MOUNTINFO_CONTAINER_V2, '0::/../../elsewhere\n').cpu?.cpus, 0.5);
  for (const odd of ODD_TEXTS) {
    assert.deepEqual(limitsOf(V2_FILES, odd, '0::/\n'), none);
    assert.deepEqual(limitsOf(V2_FILES, MOUNTINFO_CONTAINER_V2, odd), none);
    const files = { '/sys/fs/cgroup/cpu.max': odd, '/sys/fs/cgroup/memory.max': odd };
    assert.deepEqual(limitsOf(files, MOUNTINFO_CONTAINER_V2, '0::/\n'), none);
  }
});

test('odd texts are no readings', () => {
  for (const odd of ODD_TEXTS) {
    assert.equal(parseProcStat(odd), null, JSON.stringify(odd));
    assert.equal(parseMeminfo(odd), null);
    assert.deepEqual(parseNetDev(odd), { rx: 0, tx: 0 });
    assert.deepEqual(parseMountinfo(odd), []);
    assert.deepEqual(fileSystems(parseMountinfo(odd), '/x'), []);
  }
});

import { cpus } from 'node:os';
import { NO_FACTS } from '../../../src/collector/host/host-facts.ts';
import type { FactTeller, Platform } from '../../../src/collector/host/platform.ts';

/** Recorded on Linux 6.18, two CPUs, 24 GB, ext4 on a virtual disk; cut to what is read. */
export const STAT = `cpu  1000 0 500 8000 200 0 100 200 0 0
cpu0 500 0 250 4000 100 0 50 100 0 0
cpu1 500 0 250 4000 100 0 50 100 0 0
intr 123 0 9
ctxt 11
`;
export const MEMINFO = `MemTotal:       24683768 kB
MemFree:        22164092 kB
MemAvailable:   24187076 kB
Buffers:          115364 kB
Cached:          2080196 kB
SwapCached:            0 kB
`;
export const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9999999    5206    0    0    0     0          0         0 9999999    5206    0    0    0     0       0          0
  eth0: 1000000     700    0    0    0     0          0         0  200000     650    0    0    0     0       0          0
wlp2s0:500 5 0 0 0 0 0 0 50 5 0 0 0 0 0 0
veth12ab: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0
docker0: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0
br-0f3c: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0
eth0.100: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0
`;
/** A machine with a second disk, a bind mount of the first, a network share, snaps and kernel file systems. */
export const MOUNTINFO_HOST = `22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334492k
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
33 27 7:3 / /snap/core/1 ro,nodev - squashfs /dev/loop3 ro
40 27 254:0 /srv/www /var/www rw,relatime - ext4 /dev/vda rw
41 27 254:16 / /var/lib/my\\040data rw,relatime master:1 shared:7 - xfs /dev/vdb rw
42 27 0:50 / /mnt/share rw,relatime - nfs4 server:/export rw,vers=4.2
43 27 254:32 /sub/deep /data/deep rw - btrfs /dev/vdc rw,subvol=/sub/deep
44 27 254:32 / /data rw - btrfs /dev/vdc rw
45 27 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate
`;
export const MOUNTINFO_CONTAINER_V2 = `600 500 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u
601 600 0:62 / /proc rw,nosuid - proc proc rw
604 602 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate
605 600 259:1 /var/lib/docker/containers/ab/resolv.conf /etc/resolv.conf rw - ext4 /dev/nvme0n1p1 rw
606 600 259:1 /var/lib/docker/containers/ab/hosts /etc/hosts rw - ext4 /dev/nvme0n1p1 rw
607 600 259:2 /volumes/pg /app/.nervecenter rw,relatime - ext4 /dev/nvme1n1 rw
`;
/** Docker on a host with version 1: paths are the host's, the mounts show only the container's own part. */
export const MOUNTINFO_CONTAINER_V1 = `600 500 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l/A
610 609 0:30 /docker/ab12 /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct
611 609 0:31 /docker/ab12 /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
612 609 0:32 / /sys/fs/cgroup/unified ro,nosuid - cgroup2 cgroup rw
`;
export const CGROUP_V1 = `12:memory:/docker/ab12
4:cpu,cpuacct:/docker/ab12
0::/system.slice/containerd.service
`;

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

export const V2_FILES: Readonly<Record<string, string>> = {
  '/proc/self/mountinfo': MOUNTINFO_CONTAINER_V2,
  '/proc/self/cgroup': '0::/\n',
  '/sys/fs/cgroup/cpu.max': '50000 100000\n',
  '/sys/fs/cgroup/cpu.stat': 'usage_usec 1000000\nuser_usec 900000\nsystem_usec 100000\n',
  '/sys/fs/cgroup/memory.max': `${GIB}\n`,
  '/sys/fs/cgroup/memory.current': `${600 * MIB}\n`,
  '/sys/fs/cgroup/memory.stat': `anon ${300 * MIB}\nfile ${280 * MIB}\ninactive_file ${200 * MIB}\nactive_file 1\n`,
};

export const V1_FILES: Readonly<Record<string, string>> = {
  '/proc/self/mountinfo': MOUNTINFO_CONTAINER_V1,
  '/proc/self/cgroup': CGROUP_V1,
  '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '150000\n',
  '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  '/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage': '1000000000\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${2 * GIB}\n`,
  '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${GIB}\n`,
  '/sys/fs/cgroup/memory/memory.stat': `inactive_file 1\ntotal_inactive_file ${256 * MIB}\n`,
};

export const HOST_FILES: Readonly<Record<string, string>> = {
  '/proc/self/mountinfo': MOUNTINFO_HOST,
  '/proc/self/cgroup': '0::/user.slice/session.scope\n',
};

/** A Linux machine made of files; `files` and `nowMs` may be changed between samples. */
export class FileMachine implements Platform {
  readonly linux: boolean;
  readonly files: Record<string, string>;
  nowMs = 1000;
  readonly roots = ['/'];
  readonly asked: string[] = [];
  /** What the machine's programs tell. */
  told = NO_FACTS;
  limitBytes = 0;

  constructor(files: Readonly<Record<string, string>>, linux = true) {
    this.linux = linux;
    this.files = { '/proc/stat': STAT, '/proc/meminfo': MEMINFO, '/proc/net/dev': NET_DEV, ...files };
  }

  readonly readFile = (path: string) => this.files[path] ?? null;
  readonly statfs: Platform['statfs'] = async (path) => {
    this.asked.push(path);
    return { bsize: 4096, blocks: 1000, bfree: 400, bavail: 350 };
  };
  readonly existingDirectory = (path: string) => path;
  readonly cpus = cpus;
  readonly totalmem = () => 8 * GIB;
  readonly freemem = () => 6 * GIB;
  readonly constrainedMemory = () => this.limitBytes;
  readonly facts = (): FactTeller => ({ latest: () => this.told, stop: () => {} });
  readonly loadavg = () => [0.5, 0.4, 0.3];
  readonly monotonicMs = () => this.nowMs;
}

import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, it } from 'vitest';
import {
  type DiskAnswer,
  fileSystemsAt,
  interfacesToAsk,
  memoryOf,
  mountPointsOf,
  networkOf,
} from '../../../src/collector/host/host-facts.ts';

/** As macOS 15 answers: one APFS container, a disk image, a share, and what is no disk. */
const MACOS_DISKS: readonly DiskAnswer[] = [
  { mount: '/', size: 494_384_795_648, rw: false },
  { mount: '/System/Volumes/VM', size: 494_384_795_648, rw: true },
  { mount: '/System/Volumes/Preboot', size: 494_384_795_648, rw: true },
  { mount: '/System/Volumes/Data', size: 494_384_795_648, rw: true },
  { mount: '/System/Volumes/Data/home', size: 0, rw: null },
  { mount: '/Volumes/Installer', size: 52_428_800, rw: false },
  { mount: '/Volumes/My Backup', size: 2_000_398_934_016, rw: true },
  { mount: '/Volumes/share', size: 1_000_000_000_000, rw: null },
];
/** As Windows answers: a system drive, a DVD that cannot be written to, a mapped share. */
const WINDOWS_DISKS: readonly DiskAnswer[] = [
  { mount: 'C:', size: 511_101_108_224, rw: true },
  { mount: 'D:', size: 4_700_000_000, rw: false },
  { mount: 'Z:', size: 1_000_000_000_000, rw: null },
  { mount: 'Z:', size: 1_000_000_000_000, rw: null },
];

const address = (
  text: string,
  more: { readonly internal?: boolean; readonly mac?: string } = {},
): NetworkInterfaceInfo => ({
  address: text,
  netmask: '255.255.255.0',
  family: 'IPv4',
  mac: more.mac ?? '00:00:00:00:00:00',
  internal: more.internal ?? false,
  cidr: null,
});

describe('the file systems of a platform that does not list them', () => {
  it('on macOS: the volume with the data first, then others; no sealed system, image or internal volume', () => {
    const mountPoints = mountPointsOf(MACOS_DISKS);
    assert.deepEqual(mountPoints, ['/System/Volumes/Data', '/Volumes/My Backup', '/Volumes/share']);
    assert.deepEqual(fileSystemsAt(mountPoints, '/Library/app'), [
      { mountPoint: '/System/Volumes/Data', remote: false },
      { mountPoint: '/Volumes/My Backup', remote: true },
      { mountPoint: '/Volumes/share', remote: true },
    ]);
    assert.equal(fileSystemsAt(mountPoints, '/Volumes/My Backup/data')[0]?.mountPoint, '/Volumes/My Backup');
  });

  it('on Windows: by drive, whatever the case of its letter', () => {
    const mountPoints = mountPointsOf(WINDOWS_DISKS);
    assert.deepEqual(mountPoints, ['C:\\', 'Z:\\']);
    const home = (dataDir: string) => fileSystemsAt(mountPoints, dataDir)[0]?.mountPoint;
    assert.deepEqual([home('c:\\app\\.nervecenter'), home('Z:\\data')], ['C:\\', 'Z:\\']);
  });

  it('where none holds the data directory, that itself comes first', () => {
    assert.deepEqual(fileSystemsAt(['D:\\'], 'E:\\app'), [
      { mountPoint: 'E:\\app', remote: false },
      { mountPoint: 'D:\\', remote: true },
    ]);
    assert.deepEqual(fileSystemsAt([], '/srv'), [{ mountPoint: '/srv', remote: false }]);
    assert.equal(fileSystemsAt(['/', '/sr'], '/srv')[0]?.mountPoint, '/');
  });

  it('has none of no or a made-up size', () => {
    const odd = [Number.NaN, 0, -1].map((size, i) => ({ mount: `/${i}`, size, rw: true }));
    assert.deepEqual(mountPointsOf([...odd, { mount: '', size: 1, rw: true }]), []);
  });
});

describe('the network', () => {
  it('is not known before the second answer', () => {
    assert.equal(networkOf([{ rx_sec: null, tx_sec: null }]), null);
    assert.equal(networkOf([]), null);
  });

  it('is the sum of the interfaces that answered', () => {
    const answers = [
      { rx_sec: 1000.5, tx_sec: 20 },
      { rx_sec: null, tx_sec: null },
      { rx_sec: Number.NaN, tx_sec: 5 },
      { rx_sec: 2, tx_sec: 3 },
    ];
    assert.deepEqual(networkOf(answers), { rx: 1002.5, tx: 23 });
  });

  it('of macOS is asked of real interfaces by name', () => {
    const interfaces = {
      lo0: [address('127.0.0.1', { internal: true })],
      en0: [address('fe80::1'), address('192.168.1.20')],
      awdl0: [address('fe80::2')],
      utun3: [address('10.8.0.2')],
      bridge100: [address('192.168.64.1')],
      en7: [address('169.254.10.1')],
      gone: undefined,
    };
    assert.deepEqual(interfacesToAsk(interfaces, false), ['en0']);
  });

  it('of Windows by hardware address, of a virtual switch where there is no other', () => {
    const wlan = { 'Wi-Fi 2': [address('10.0.0.5', { mac: '0a:00:00:00:00:01' })] };
    const virtual = { 'vEthernet (LAN)': [address('10.0.0.6', { mac: '0a:00:00:00:00:02' })] };
    assert.deepEqual(interfacesToAsk({ ...virtual, ...wlan }, true), ['0a:00:00:00:00:01']);
    assert.deepEqual(interfacesToAsk(virtual, true), ['0a:00:00:00:00:02']);
  });

  it('is asked of few interfaces, however many there are', () => {
    const many = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`en${i}`, [address(`10.0.0.${i}`)]]),
    );
    assert.equal(interfacesToAsk(many, false).length, 8);
  });
});

describe('memory', () => {
  it('in use is what new work could not get', () => {
    assert.deepEqual(memoryOf({ total: 16e9, available: 6e9 }), { usedBytes: 10e9, totalBytes: 16e9 });
  });

  it('is not known where the answer makes no sense', () => {
    for (const [total, available] of [
      [0, 0],
      [Number.NaN, 1],
      [1, Number.NaN],
      [1, -1],
    ] as const) {
      assert.equal(memoryOf({ total, available }), null);
    }
  });
});

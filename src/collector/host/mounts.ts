/** One line of `/proc/self/mountinfo`. */
export interface Mount {
  readonly mountPoint: string;
  /** What of the file system is mounted: `/`, or a directory or file of it (bind mount, cgroup of a container). */
  readonly root: string;
  /** `major:minor`. */
  readonly device: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** A mounted file system worth measuring. */
export interface FileSystem {
  readonly mountPoint: string;
  /** On another machine: asking for its size may take for ever. */
  readonly remote: boolean;
}

/** More are left out: they would be as many rows every 15 s. */
export const DISKS_MAX = 32;

/** Everything else is memory, kernel state, or a read-only image that is always full (squashfs, iso9660). */
const LOCAL_TYPES = new Set(
  'ext2 ext3 ext4 xfs btrfs zfs f2fs jfs nilfs2 reiserfs bcachefs vfat exfat ntfs ntfs3 fuseblk hfsplus apfs ufs virtiofs'.split(
    ' ',
  ),
);
const REMOTE_TYPES = new Set(
  'nfs nfs4 cifs smb3 smbfs 9p ceph fuse.ceph glusterfs fuse.glusterfs fuse.sshfs lustre beegfs gpfs afs'.split(
    ' ',
  ),
);
/** Files that container runtimes bind from the host's disk into every container. */
const RUNTIME_FILES = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/dev/termination-log']);

/** The mounts in the text of `/proc/self/mountinfo`, in order; lines it does not understand are left out. */
export function parseMountinfo(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , device, root, mountPoint] = before.split(' ');
    const [type = '', , superOptions = ''] = after.split(' ');
    if (device === undefined || root === undefined || mountPoint === undefined || type === '') return [];
    return [
      {
        device,
        type,
        root: unescapeOctal(root),
        mountPoint: unescapeOctal(mountPoint),
        superOptions: superOptions.split(','),
      },
    ];
  });
}

/** The kernel writes space, tab, newline and backslash in paths as `\040`. */
function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * The real file systems, each device once, the one that holds `dataDir` first whatever its type (a container's overlay, a
 * memory disk). Of several mounts of one device it takes the one of the whole file system, else the shortest path. Local
 * ones come before remote ones.
 *
 * @returns all of them; the caller bounds them to `DISKS_MAX`.
 */
export function fileSystems(mounts: readonly Mount[], dataDir: string): FileSystem[] {
  const visible = [...new Map(mounts.map((mount) => [mount.mountPoint, mount])).values()];
  const home = visible
    .filter(({ mountPoint }) => holds(mountPoint, dataDir))
    .sort((a, b) => b.mountPoint.length - a.mountPoint.length)[0];
  const byDevice = new Map<string, Mount>();
  for (const mount of visible) {
    const real = LOCAL_TYPES.has(mount.type) || REMOTE_TYPES.has(mount.type);
    if (!real || mount.device === home?.device || RUNTIME_FILES.has(mount.mountPoint)) continue;
    const other = byDevice.get(mount.device);
    if (other === undefined || isBetter(mount, other)) byDevice.set(mount.device, mount);
  }
  const rest = [...byDevice.values()].map(fileSystemOf).sort((a, b) => Number(a.remote) - Number(b.remote));
  return home === undefined ? rest : [fileSystemOf(home), ...rest];
}

function holds(mountPoint: string, path: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}

function isBetter(mount: Mount, other: Mount): boolean {
  if ((mount.root === '/') !== (other.root === '/')) return mount.root === '/';
  return mount.mountPoint.length < other.mountPoint.length;
}

function fileSystemOf({ mountPoint, type }: Mount): FileSystem {
  return { mountPoint, remote: REMOTE_TYPES.has(type) };
}

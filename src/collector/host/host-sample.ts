/** What the machine (or the container it limits us to) looks like at one moment. Bytes, unless the name says otherwise. */
export interface HostSample {
  /** Share of all CPUs, or of the container's limit, busy since the previous sample: 0 to 100; `null`: not known yet. */
  readonly cpuPercent: number | null;
  /** CPUs, or the container's limit (may be fractional). */
  readonly cpuCount: number;
  /** 0 on platforms without one (Windows). */
  readonly load1m: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  /** The file system that holds the data directory comes first. */
  readonly disks: readonly DiskSample[];
  /** Since the previous sample; `null`: not known yet. */
  readonly networkRxBytesPerSecond: number | null;
  readonly networkTxBytesPerSecond: number | null;
  /** CPU or memory is measured against a container's limit. */
  readonly containerLimited: boolean;
}

export interface DiskSample {
  readonly mountPoint: string;
  readonly usedBytes: number;
  /** Used plus available to unprivileged users, so that used / total is what `df` calls Use%. */
  readonly totalBytes: number;
}

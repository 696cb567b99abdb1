const OF_THE_HOST = /^(cpu_percent|load_1m|memory_|disk_|network_)/;

/** Whether a metric of `system` is the host's: it is no one service's or process', whoever is asked about. */
export function isHostMetric(name: string): boolean {
  return OF_THE_HOST.test(name);
}

import { readdirSync, readlinkSync, realpathSync } from 'node:fs';

/** Stops every process of a server, as a machine that hangs does, until the returned function is called. */
export function freeze(clusterDir: string): () => void {
  const directory = realpathSync(clusterDir);
  const processes = () =>
    readdirSync('/proc').filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === directory;
      } catch {
        return false;
      }
    });
  const stopped = new Set<string>();
  // Until there is none that one of them has just started.
  for (let fresh = processes(); fresh.length > 0; fresh = processes().filter((pid) => !stopped.has(pid))) {
    for (const pid of fresh) {
      process.kill(Number(pid), 'SIGSTOP');
      stopped.add(pid);
    }
  }
  return () => {
    for (const pid of stopped) process.kill(Number(pid), 'SIGCONT');
    stopped.clear();
  };
}

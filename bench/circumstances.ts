import { cpus, loadavg } from 'node:os';

/** The day, the Node and the machine that figures are of, and how busy it was before them. */
export function circumstances(): string {
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`;
  return `${date}, Node ${process.versions.node}, ${machine}, load before it ${loadavg()[0]?.toFixed(1)}`;
}

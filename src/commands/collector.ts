import { logToStderr } from '../collector/log.ts';
import { sayKept } from '../collector/notices.ts';
import { startCollector } from '../collector/start.ts';
import { readConfig, unknownSettingsLine } from '../config/config.ts';
import { configFileNotice } from '../config/file/config-file.ts';
import { keepHeapSmall } from '../platform/memory/small-heap.ts';
import { returnSpareMemory } from '../platform/memory/spare-memory.ts';
import { writeToStderr } from '../platform/stderr.ts';

const SHUTDOWN_DEADLINE_MS = 10_000;

/** Runs until SIGINT or SIGTERM, then stores what is queued and stops. A second signal ends it at once. */
export async function collector(): Promise<number> {
  const config = readConfig();
  const unknown = unknownSettingsLine();
  if (unknown !== null) writeToStderr(`[nervecenter] ${unknown}\n`);
  const ofFile = config.configFile && configFileNotice(config.configFile);
  if (ofFile !== null) writeToStderr(`[nervecenter] ${ofFile}\n`);
  const stopKeepingSmall = keepHeapSmall();
  const running = await startCollector({ config, log: logToStderr, host: null });
  const stopReturning = returnSpareMemory();
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const notice = await Promise.race([running.ready, stop]);
  if (typeof notice === 'string') writeToStderr(notice);
  await stop;
  stopReturning();
  stopKeepingSmall();
  await running.shutdown(SHUTDOWN_DEADLINE_MS);
  sayKept(running, logToStderr);
  return 0;
}

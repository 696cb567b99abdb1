// The whole collector, alone in a process that tells what it uses.
import { startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';

const collector = await startCollector({ config: readConfig(), log: () => {}, host: null });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());
process.send?.(collector.url);

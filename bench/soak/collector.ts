// The whole collector with its database, alone in a process that tells what it holds.
import { startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { watchMemory } from './memory.ts';

const SHUTDOWN_MS = 10_000;
const collector = await startCollector({ config: readConfig(), log: () => {}, host: null });
const memory = watchMemory();
process.on('message', () => process.send?.(memory()));
// Its database is a process of its own, which is to end as well.
process.on('disconnect', () => void collector.shutdown(SHUTDOWN_MS).finally(() => process.exit()));
process.send?.(collector.url);

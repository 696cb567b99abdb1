// The whole collector, without storage, alone in a process that tells what it holds.
import { startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { watchMemory } from '../soak/memory.ts';

const collector = await startCollector({ config: readConfig(), log: () => {}, host: null });
const memory = watchMemory();
process.on('message', () => process.send?.(memory()));
process.on('disconnect', () => process.exit());
process.send?.(collector.url);

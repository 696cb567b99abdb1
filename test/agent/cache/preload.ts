// Stands in for the agent's preload: observes `lru-cache`, and says at exit which look-ups it saw.
import { writeSync } from 'node:fs';
import { lruCache } from '../../../src/agent/instrumentation/lru-cache.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const STDOUT_FD = 1;
const agent = new RecordingAgent();
lruCache.start(agent);
process.on('exit', () => writeSync(STDOUT_FD, JSON.stringify(agent.lookups)));

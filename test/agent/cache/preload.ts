// Stands in for the agent's preload: observes every cache, and says at exit which look-ups it saw.
import { writeSync } from 'node:fs';
import { cacheManager } from '../../../src/agent/instrumentation/cache-manager.ts';
import { ioredis } from '../../../src/agent/instrumentation/ioredis.ts';
import { keyv } from '../../../src/agent/instrumentation/keyv.ts';
import { lruCache } from '../../../src/agent/instrumentation/lru-cache.ts';
import { memjs } from '../../../src/agent/instrumentation/memjs.ts';
import { nodeCache } from '../../../src/agent/instrumentation/node-cache.ts';
import { redis } from '../../../src/agent/instrumentation/redis.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const STDOUT_FD = 1;
const agent = new RecordingAgent();
for (const cache of [lruCache, ioredis, redis, memjs, nodeCache, keyv, cacheManager]) cache.start(agent);
process.on('exit', () => writeSync(STDOUT_FD, JSON.stringify(agent.lookups)));

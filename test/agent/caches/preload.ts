// Stands in for the agent's preload: observes every cache, and says at exit which look-ups it saw.
import { writeSync } from 'node:fs';
import { cacheManager } from '../../../src/agent/caches/cache-manager.ts';
import { ioredis } from '../../../src/agent/caches/ioredis.ts';
import { keyv } from '../../../src/agent/caches/keyv.ts';
import { lruCache } from '../../../src/agent/caches/lru-cache.ts';
import { memjs } from '../../../src/agent/caches/memjs.ts';
import { nodeCache } from '../../../src/agent/caches/node-cache.ts';
import { redis } from '../../../src/agent/caches/redis.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const STDOUT_FD = 1;
const agent = new RecordingAgent();
for (const cache of [lruCache, ioredis, redis, memjs, nodeCache, keyv, cacheManager]) cache.start(agent);
process.on('exit', () => writeSync(STDOUT_FD, JSON.stringify(agent.lookups)));

import type { Instrumentation } from '../agent.ts';
import { llm } from '../llm/observer.ts';
import { cacheManager } from './cache-manager.ts';
import { express } from './express.ts';
import { fastify } from './fastify.ts';
import { hono } from './hono.ts';
import { http } from './http.ts';
import { ioredis } from './ioredis.ts';
import { keyv } from './keyv.ts';
import { koa } from './koa.ts';
import { langchain } from './langchain.ts';
import { llamaindex } from './llamaindex.ts';
import { lruCache } from './lru-cache.ts';
import { memjs } from './memjs.ts';
import { nodeCache } from './node-cache.ts';
import { pg } from './pg.ts';
import { redis } from './redis.ts';
import { redisSearch } from './redis-search.ts';
import { vectorStores } from './vector-stores.ts';
import { ws } from './ws.ts';

/** Every library that is observed. To add one: a file beside this, a line here, an app in the contract suite. */
export const INSTRUMENTATIONS: readonly Instrumentation[] = [
  http,
  express,
  fastify,
  koa,
  hono,
  ws,
  llm,
  lruCache,
  ioredis,
  redis,
  memjs,
  nodeCache,
  keyv,
  cacheManager,
  vectorStores,
  pg,
  redisSearch,
  langchain,
  llamaindex,
];

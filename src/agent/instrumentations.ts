import { cacheManager } from './caches/cache-manager.ts';
import { ioredis } from './caches/ioredis.ts';
import { keyv } from './caches/keyv.ts';
import { lruCache } from './caches/lru-cache.ts';
import { memjs } from './caches/memjs.ts';
import { nodeCache } from './caches/node-cache.ts';
import { redis } from './caches/redis.ts';
import { express } from './http/express.ts';
import { fastify } from './http/fastify.ts';
import { hono } from './http/hono.ts';
import { koa } from './http/koa.ts';
import { next } from './http/next.ts';
import { nitro } from './http/nitro.ts';
import { reactRouter } from './http/react-router.ts';
import { http } from './http/server.ts';
import { sveltekit } from './http/sveltekit.ts';
import type { Instrumentation } from './instrumentation.ts';
import { llm } from './llm/observer.ts';
import { langchain } from './rag/langchain.ts';
import { llamaindex } from './rag/llamaindex.ts';
import { vectorStores } from './vector-stores/observer.ts';
import { pg } from './vector-stores/pgvector.ts';
import { redisSearch } from './vector-stores/redis-search.ts';
import { ws } from './websocket/server.ts';
import { webSockets } from './websocket/upgrade.ts';

/** Every library that is observed. To add one: a file beside this, a line here, an app in the contract suite. */
export const INSTRUMENTATIONS: readonly Instrumentation[] = [
  http,
  express,
  fastify,
  koa,
  next,
  hono,
  sveltekit,
  reactRouter,
  nitro,
  ws,
  webSockets,
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

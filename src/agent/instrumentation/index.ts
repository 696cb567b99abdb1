import type { Instrumentation } from '../agent.ts';
import { express } from './express.ts';
import { fastify } from './fastify.ts';
import { hono } from './hono.ts';
import { http } from './http.ts';
import { koa } from './koa.ts';
import { llm } from './llm.ts';
import { lruCache } from './lru-cache.ts';
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
];

// The same app as a module.
import { createCache } from 'cache-manager';
import Redis from 'ioredis';
import Keyv from 'keyv';
import memjs from 'memjs';
import NodeCache from 'node-cache';
import { createClient } from 'redis';
import drive from './drive.cjs';

const [redisPort, memcachedPort] = process.argv.slice(2).map(Number);
await drive({ Redis, createClient, memjs, NodeCache, Keyv, createCache, redisPort, memcachedPort });

const [redisPort, memcachedPort] = process.argv.slice(2).map(Number);
const Redis = require('ioredis');
const { createClient } = require('redis');
const memjs = require('memjs');
const NodeCache = require('node-cache');
const { Keyv } = require('keyv');
const { createCache } = require('cache-manager');
const drive = require('./drive.cjs');

drive({ Redis, createClient, memjs, NodeCache, Keyv, createCache, redisPort, memcachedPort });

// An app that ends with the rejection of a command it does not wait for.
const [client, port] = process.argv.slice(2);

const asked = {
  redis: async () => {
    const redis = require('redis').createClient({ socket: { port: Number(port), host: '127.0.0.1' } });
    await redis.connect();
    await redis.hSet('rag:hash', 'f', 'v');
    redis.sendCommand(['GET', 'rag:hash']);
  },
  ioredis: async () => {
    const Redis = require('ioredis');
    const redis = new Redis(Number(port), '127.0.0.1');
    await redis.hset('rag:hash', 'f', 'v');
    redis.get('rag:hash');
  },
};
asked[client]();

// Asks every cache once for a value that is not there and once for one that is.
module.exports = async ({
  Redis,
  createClient,
  memjs,
  NodeCache,
  Keyv,
  createCache,
  redisPort,
  memcachedPort,
}) => {
  const io = new Redis(redisPort, '127.0.0.1');
  await io.get('rag:io');
  await io.set('rag:io', 'v');
  await io.get('rag:io');
  io.disconnect();

  const node = createClient({ socket: { port: redisPort, host: '127.0.0.1' } });
  await node.connect();
  await node.get('emb:node');
  await node.set('emb:node', 'v');
  await node.get('emb:node');
  await node.close();

  const memcached = memjs.Client.create(`127.0.0.1:${memcachedPort}`);
  await memcached.get('rag:memcached');
  await memcached.set('rag:memcached', 'v', {});
  await memcached.get('rag:memcached');
  memcached.close();

  const local = new NodeCache({ checkperiod: 0 });
  local.get('a');
  local.set('a', 1);
  local.get('a');

  const named = new Keyv({ namespace: 'pages' });
  await named.get('a');
  await named.set('a', 1);
  await named.get('a');

  const stores = [new Keyv(), new Keyv()];
  const managed = createCache({ stores });
  await managed.get('emb:managed');
  await stores[1].set('emb:managed', 1);
  await managed.get('emb:managed');
};

// An app that ends with the rejection of a fetch it does not wait for.
import { LRUCache } from 'lru-cache';

const cache = new LRUCache({
  max: 10,
  fetchMethod: async (key) => {
    if (key === 'bad') throw new Error('the app’s own');
    return key;
  },
});
await cache.fetch('rag:a');
await cache.fetch('rag:a');
cache.fetch('bad');

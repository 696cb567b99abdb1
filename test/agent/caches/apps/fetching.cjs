// The same app as CommonJS.
const { LRUCache } = require('lru-cache');

const cache = new LRUCache({
  max: 10,
  fetchMethod: async (key) => {
    if (key === 'bad') throw new Error('the app’s own');
    return key;
  },
});
cache
  .fetch('rag:a')
  .then(() => cache.fetch('rag:a'))
  .then(() => {
    cache.fetch('bad');
  });

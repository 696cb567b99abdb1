// Asks every store and cache with its package, as CommonJS.
const { queryAll } = require('./query-all.ts');

queryAll((name) => require(name));

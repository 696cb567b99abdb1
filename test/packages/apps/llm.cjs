// Calls every provider with its package, as CommonJS.
const { callAll } = require('./call-all.ts');

callAll((name) => require(name));

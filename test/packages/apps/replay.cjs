// Plays what was recorded of one provider with its package, as CommonJS.
const { playAll } = require('./play-all.ts');

playAll((name) => require(name));

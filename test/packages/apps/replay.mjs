// Plays what was recorded of one provider with its package, as an ES module.
import { playAll } from './play-all.ts';

await playAll((name) => import(name));

// Asks every store and cache with its package, as an ES module.
import { queryAll } from './query-all.ts';

await queryAll((name) => import(name));

// Calls every provider with its package, as an ES module.
import { callAll } from './call-all.ts';

await callAll((name) => import(name));

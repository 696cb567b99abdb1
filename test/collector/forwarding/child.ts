import { writeSync } from 'node:fs';
import { startTaking } from './collectors.ts';

/** A collector that says where it takes OTLP, and goes on until it is killed. */
const [env = '{}', dataDir = ''] = process.argv.slice(2);
const { http } = await startTaking(JSON.parse(env) as Record<string, string>, dataDir);
writeSync(1, `${http}\n`);

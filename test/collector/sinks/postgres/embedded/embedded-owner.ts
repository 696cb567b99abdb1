// A process (or worker thread) that owns an embedded server until it is told to stop or killed.
import { EmbeddedPostgres } from '../../../../../src/collector/sinks/postgres/embedded/embedded.ts';

const STOP_MS = 5000;
const STAY_MS = 60_000;
const server = new EmbeddedPostgres({ dataDir: process.argv[2] ?? '', log: () => {} });
await server.start();
const stay = setTimeout(() => {}, STAY_MS);
process.once('SIGTERM', async () => {
  await server.stop(STOP_MS);
  clearTimeout(stay);
});
process.stdout.write('started\n');

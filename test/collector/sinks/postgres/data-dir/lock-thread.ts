import { parentPort, workerData } from 'node:worker_threads';
import { takeLock } from '../../../../../src/collector/sinks/postgres/data-dir/lock.ts';

// A collector's thread that has the data directory, until it is ended without having let go.
takeLock(workerData as string);
parentPort?.on('message', () => {}); // Keeps it alive.
parentPort?.postMessage('taken');

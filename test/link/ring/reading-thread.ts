// Reads a ring for as long as it is let: tells what it has, then accepts it.
import { parentPort, workerData } from 'node:worker_threads';
import { PieceReader } from '../../../src/link/ring/piece-reader.ts';
import { RingReader } from '../../../src/link/ring/ring-reader.ts';

const reader = new RingReader(workerData);
const pieces = new PieceReader();
parentPort?.on('message', (segment) => reader.add(segment));

function read(): void {
  for (let piece = reader.next(); piece !== null; piece = reader.next()) {
    const numbers = pieces.events(piece).map(({ event }) => event?.['durationMs']);
    parentPort?.postMessage(numbers);
    reader.accepted(piece.batch);
  }
  setImmediate(read);
}
read();

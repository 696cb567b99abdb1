// A server of the collector, alone in a process, that tells what it holds: `node --expose-gc attacked-server.ts`.
import { createCollectorServer } from '../../../src/collector/server/server.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';
import { configOf, SNAPSHOT, sourcesOver, TOKEN } from './fixture.ts';

/** A snapshot of many routes and models. */
const TICK_CHARS = 1_000_000;
/** Of what is asked for by itself, which is made anew for each. */
const SNAPSHOT_CHARS = 50_000;

export type Question = 'tick' | 'holds';

export interface Holds {
  /** In use once all garbage is collected, on the heap and in buffers beside it. */
  readonly bytes: number;
  readonly viewers: number;
  readonly counters: Readonly<Record<string, number>>;
}

let seq = 0;
const tickJson = () => `{"seq":${seq},"filling":"${'x'.repeat(TICK_CHARS)}"}`;
const snapshot = { ...SNAPSHOT, service: 'x'.repeat(SNAPSHOT_CHARS) };
const own = new DeltaMeterProvider();
const reader = new SnapshotReader([own]);
const counters: Record<string, number> = {};
const server = createCollectorServer({
  config: configOf(),
  adminTokens: [TOKEN],
  sources: sourcesOver({ latestSnapshotJson: tickJson, snapshot: () => snapshot }),
  meter: own.getMeter(),
  assetsDir: '/nowhere',
  log: () => {},
});

function holds(): Holds {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  for (const point of reader.collectNow()) {
    if (point.kind !== 'counter') continue;
    const name = [point.name, ...Object.values(point.attributes)].join(' ');
    counters[name] = (counters[name] ?? 0) + point.value;
  }
  return { bytes: heapUsed + external, viewers: server.viewers, counters };
}

process.on('message', (question: Question) => {
  if (question === 'tick') {
    seq++;
    server.broadcast(tickJson());
  }
  process.send?.(question === 'tick' ? seq : holds());
});
process.on('disconnect', () => process.exit());
const { port } = await server.start();
process.send?.(port);

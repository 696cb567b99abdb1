import {
  CACHE_BYTES,
  CACHE_KEYS,
  CACHE_NAME,
  CACHE_REQUESTS,
  CACHE_RESULT,
} from '../../core/signals/cache.ts';
import type { RecordMeasurement } from '../../core/signals/signal.ts';
import {
  EVENT_LOOP_P99,
  EVENT_LOOP_UTILIZATION,
  HEAP_USED,
  PROCESS_CPU,
  PROCESS_MEMORY,
  PROCESS_THREADS,
} from '../../core/signals/system.ts';
import {
  DIRECTION,
  RECEIVE,
  TRANSMIT,
  WS_BYTES,
  WS_CONNECTIONS,
  WS_MESSAGES,
  WS_OPENED,
} from '../../core/signals/ws-session.ts';
import type { CacheTally } from '../caches/tally.ts';
import type { WebSocketTally } from '../websocket/tally.ts';
import type { RuntimeSampler } from './runtime.ts';

/** What is counted in plain integers on the hot path and measured once per frame. */
export interface Tallies {
  readonly caches: CacheTally;
  readonly websockets: WebSocketTally;
  readonly runtime: RuntimeSampler;
}

/** Records on the instruments what the tallies counted since the last frame. */
export function measureTallies({ caches, websockets, runtime }: Tallies, record: RecordMeasurement): void {
  for (const { name, hits, misses } of caches.takeDeltas()) {
    if (hits > 0) record(CACHE_REQUESTS, hits, { [CACHE_NAME]: name, [CACHE_RESULT]: 'hit' });
    if (misses > 0) record(CACHE_REQUESTS, misses, { [CACHE_NAME]: name, [CACHE_RESULT]: 'miss' });
  }
  for (const { name, keys, bytes } of caches.sizes()) {
    if (keys !== null) record(CACHE_KEYS, keys, { [CACHE_NAME]: name });
    if (bytes !== null) record(CACHE_BYTES, bytes, { [CACHE_NAME]: name });
  }
  const ws = websockets.takeDeltas();
  record(WS_CONNECTIONS, ws.active, {});
  if (ws.opened > 0) record(WS_OPENED, ws.opened, {});
  if (ws.messagesIn > 0) record(WS_MESSAGES, ws.messagesIn, { [DIRECTION]: RECEIVE });
  if (ws.messagesOut > 0) record(WS_MESSAGES, ws.messagesOut, { [DIRECTION]: TRANSMIT });
  if (ws.bytesIn > 0) record(WS_BYTES, ws.bytesIn, { [DIRECTION]: RECEIVE });
  if (ws.bytesOut > 0) record(WS_BYTES, ws.bytesOut, { [DIRECTION]: TRANSMIT });
  measureRuntime(runtime, record);
}

function measureRuntime(runtime: RuntimeSampler, record: RecordMeasurement): void {
  const sample = runtime.sample();
  record(PROCESS_MEMORY, sample.rssBytes, {});
  if (sample.threads > 0) record(PROCESS_THREADS, sample.threads, {});
  record(PROCESS_CPU, sample.cpuUtilization, {});
  record(HEAP_USED, sample.heapUsedBytes, {});
  record(EVENT_LOOP_P99, sample.eventLoopP99Ms / 1000, {});
  record(EVENT_LOOP_UTILIZATION, sample.eventLoopUtilization, {});
}

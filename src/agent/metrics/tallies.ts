import type { Meter } from '@opentelemetry/api';
import {
  CACHE_BYTES,
  CACHE_KEYS,
  CACHE_NAME,
  CACHE_REQUESTS,
  CACHE_RESULT,
} from '../../core/signals/cache.ts';
import { counterOf, gaugeOf } from '../../core/signals/instruments.ts';
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
import { SECOND_MS } from '../../core/units.ts';
import type { CacheTally } from '../caches/tally.ts';
import type { WebSocketTally } from '../websocket/tally.ts';
import type { RuntimeSampler } from './runtime.ts';

/** What is counted in plain integers on the hot path and measured once per frame. */
export interface Tallies {
  readonly caches: CacheTally;
  readonly websockets: WebSocketTally;
  /** `null` in a thread: the process is measured once. */
  readonly runtime: RuntimeSampler | null;
}

/** Frozen attributes are known again by what they are, which takes a tenth of the time. */
const NO_ATTRIBUTES = Object.freeze({});
const RECEIVED = Object.freeze({ [DIRECTION]: RECEIVE });
const SENT = Object.freeze({ [DIRECTION]: TRANSMIT });

/** Makes their instruments, and gives back what records on them what the tallies counted since the last frame. */
export function talliesMeasure(meter: Meter, { caches, websockets, runtime }: Tallies): () => void {
  const measureCaches = cachesMeasure(meter, caches);
  const measureWebsockets = websocketsMeasure(meter, websockets);
  const measureRuntime = runtime === null ? () => true : runtimeMeasure(meter, runtime);
  return () => {
    if (!caches.isEmpty) measureCaches();
    const isTold = measureRuntime();
    if (isTold || websockets.hasNews) measureWebsockets();
  };
}

function cachesMeasure(meter: Meter, caches: CacheTally): () => void {
  const requests = counterOf(meter, CACHE_REQUESTS);
  const keysHeld = gaugeOf(meter, CACHE_KEYS);
  const memory = gaugeOf(meter, CACHE_BYTES);
  return () => {
    for (const { name, hits, misses } of caches.takeDeltas()) {
      if (hits > 0) requests.add(hits, { [CACHE_NAME]: name, [CACHE_RESULT]: 'hit' });
      if (misses > 0) requests.add(misses, { [CACHE_NAME]: name, [CACHE_RESULT]: 'miss' });
    }
    for (const { name, keys, bytes } of caches.sizes()) {
      if (keys !== null) keysHeld.record(keys, { [CACHE_NAME]: name });
      if (bytes !== null) memory.record(bytes, { [CACHE_NAME]: name });
    }
  };
}

function websocketsMeasure(meter: Meter, websockets: WebSocketTally): () => void {
  const connections = gaugeOf(meter, WS_CONNECTIONS);
  const opened = counterOf(meter, WS_OPENED);
  const messages = counterOf(meter, WS_MESSAGES);
  const bytes = counterOf(meter, WS_BYTES);
  return () => {
    const deltas = websockets.takeDeltas();
    connections.record(deltas.active, NO_ATTRIBUTES);
    if (deltas.opened > 0) opened.add(deltas.opened, NO_ATTRIBUTES);
    if (deltas.messagesIn > 0) messages.add(deltas.messagesIn, RECEIVED);
    if (deltas.messagesOut > 0) messages.add(deltas.messagesOut, SENT);
    if (deltas.bytesIn > 0) bytes.add(deltas.bytesIn, RECEIVED);
    if (deltas.bytesOut > 0) bytes.add(deltas.bytesOut, SENT);
  };
}

/** Gives back what measures, and says whether there was anything to tell: of an app at rest it was told before. */
function runtimeMeasure(meter: Meter, runtime: RuntimeSampler): () => boolean {
  const memory = gaugeOf(meter, PROCESS_MEMORY);
  const threads = gaugeOf(meter, PROCESS_THREADS);
  const cpu = gaugeOf(meter, PROCESS_CPU);
  const heap = gaugeOf(meter, HEAP_USED);
  const delay = gaugeOf(meter, EVENT_LOOP_P99);
  const utilization = gaugeOf(meter, EVENT_LOOP_UTILIZATION);
  return () => {
    const sample = runtime.sample();
    if (sample === null) return false;
    memory.record(sample.rssBytes, NO_ATTRIBUTES);
    if (sample.threads > 0) threads.record(sample.threads, NO_ATTRIBUTES);
    cpu.record(sample.cpuUtilization, NO_ATTRIBUTES);
    heap.record(sample.heapUsedBytes, NO_ATTRIBUTES);
    delay.record(sample.eventLoopP99Ms / SECOND_MS, NO_ATTRIBUTES);
    utilization.record(sample.eventLoopUtilization, NO_ATTRIBUTES);
    return true;
  };
}

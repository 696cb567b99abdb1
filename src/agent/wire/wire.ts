import { MINUTE_MS } from '../../core/units.ts';
import { type Agent, rootOf } from '../instrumentation.ts';
import { undoable } from '../modules/undoable.ts';
import type { WireObserver } from './exchange.ts';
import { WireHub } from './hub.ts';
import { watchNodeHttp } from './node-http.ts';
import { watchNodeHttp2 } from './node-http2.ts';
import { watchUndici } from './undici.ts';

const SWEEP_INTERVAL_MS = MINUTE_MS;

/** Every HTTP client of Node whose requests are seen. They do not use one another, so that no request is seen twice. */
const SOURCES = [watchUndici, watchNodeHttp, watchNodeHttp2];

interface Wire {
  readonly hub: WireHub;
  readonly stop: () => void;
}

const wires = new WeakMap<Agent, Wire>();

/**
 * Shows an observer the HTTP requests the app makes, whichever client makes them. All observers of an agent share the
 * sources and the table of open exchanges: the first one starts them, the last one stops them.
 *
 * @returns how to stop; the observer then sees its open exchanges end as `aborted`.
 */
export function observeWire(variant: Agent, observer: WireObserver): () => void {
  const agent = rootOf(variant);
  const wire = wires.get(agent) ?? startWire(agent);
  wires.set(agent, wire);
  wire.hub.add(observer);
  return undoable(() => {
    wire.hub.remove(observer);
    if (wire.hub.observed || wires.get(agent) !== wire) return;
    wires.delete(agent);
    wire.stop();
  });
}

function startWire(agent: Agent): Wire {
  const hub = new WireHub(agent);
  const undos = [
    undoable(agent.beforeEnd(() => hub.end())),
    ...SOURCES.map((watch) => undoable(watch(hub, agent))),
  ];
  const sweeper = setInterval(() => hub.sweep(), SWEEP_INTERVAL_MS);
  sweeper.unref();
  return {
    hub,
    stop: () => {
      clearInterval(sweeper);
      for (const undo of undos.reverse()) undo();
    },
  };
}

import { currentContext } from '../context/context.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { finishBodies } from '../llm/body.ts';
import type { WireExchange, WireObserver, WireRequest } from '../wire/exchange.ts';
import { observeWire } from '../wire/wire.ts';
import { VectorSearch } from './search.ts';
import { recogniseSearch } from './stores.ts';

/** Searches of vector stores over HTTP, inside RAG queries; outside of one nobody asks for them. */
export const vectorStores: Instrumentation = {
  name: 'vector-stores',
  start(agent) {
    const stopObserving = observeWire(agent, new SearchObserver(agent));
    return () => {
      stopObserving();
      finishBodies();
    };
  },
};

class SearchObserver implements WireObserver {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  open(request: WireRequest): WireExchange | null {
    const ragScope = currentContext()?.ragScope;
    if (ragScope === undefined || request.method !== 'POST') return null;
    const search = recogniseSearch(request.host, request.path);
    return search === null ? null : new VectorSearch({ agent: this.#agent, ragScope, search });
  }
}

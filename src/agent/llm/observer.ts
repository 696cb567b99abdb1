import type { CallLabels } from '../../core/llm/call-labels.ts';
import { currentContext } from '../context/context.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { undoable } from '../modules/undoable.ts';
import type { WireExchange, WireObserver, WireRequest } from '../wire/exchange.ts';
import { observeWire } from '../wire/wire.ts';
import { Attempts } from './attempts.ts';
import { BackgroundCalls } from './background.ts';
import { finishBodies } from './body.ts';
import { LlmCall } from './call.ts';
import { callLabelsOf } from './call-labels.ts';
import { type Recognised, recognise } from './dialects/index.ts';
import { requestUsage } from './include-usage.ts';

/** Calls of model providers, read off the wire. Each attempt of an SDK that retries is an event of its own. */
export const llm: Instrumentation = {
  name: 'llm',
  start(agent) {
    const stopAsking = agent.settings.includeUsage ? undoable(requestUsage(agent)) : null;
    const observer = new LlmObserver(agent);
    const stopObserving = observeWire(agent, observer);
    return () => {
      stopObserving();
      finishBodies();
      observer.stop();
      stopAsking?.();
    };
  },
};

class LlmObserver implements WireObserver {
  readonly #agent: Agent;
  readonly #attempts: Attempts;
  readonly #labels: CallLabels;
  readonly #background: BackgroundCalls;
  /** The last call that host and path alone have proved: apps mostly make the same one again. */
  #last: { readonly host: string; readonly path: string; readonly recognised: Recognised } | null = null;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#attempts = new Attempts(agent);
    this.#labels = callLabelsOf(agent);
    this.#background = new BackgroundCalls(agent);
  }

  open(request: WireRequest): WireExchange | null {
    if (request.method === 'GET') return this.#background.open(request);
    if (request.method !== 'POST') return null;
    const recognised = this.#recognise(request);
    if (recognised === null) return null;
    const options = {
      agent: this.#agent,
      labels: this.#labels,
      attempts: this.#attempts,
      background: this.#background,
      recognised,
      context: currentContext(),
    };
    return new LlmCall(options, request);
  }

  #recognise(request: WireRequest): Recognised | null {
    const { host, path } = request;
    const last = this.#last;
    if (last !== null && last.host === host && last.path === path) return last.recognised;
    let byHeader = false;
    const recognised = recognise(host, path, (name) => {
      byHeader = true;
      return request.header(name) !== null;
    });
    // A query may hold a key, which is not kept.
    if (recognised !== null && !byHeader && !path.includes('?')) this.#last = { host, path, recognised };
    return recognised;
  }

  /** No more comes. */
  stop(): void {
    this.#background.stop();
  }
}

import { recognise } from '../../core/llm/index.ts';
import { BoundedLabels } from '../../core/llm/labels.ts';
import type { Agent, Instrumentation } from '../agent.ts';
import { currentContext } from '../context.ts';
import type { WireExchange, WireObserver, WireRequest } from '../wire/exchange.ts';
import { observeWire } from '../wire/wire.ts';
import { requestUsage } from './include-usage.ts';
import { Attempts } from './llm-attempts.ts';
import { finishBodies } from './llm-body.ts';
import { LlmCall, type LlmLabels } from './llm-call.ts';

/** Different model names that may become labels; the rest is `other`. */
const MODELS_MAX = 100;
const PROVIDERS_MAX = 50;
const ERROR_TYPES_MAX = 50;

/** Calls of model providers, read off the wire. Each attempt of an SDK that retries is an event of its own. */
export const llm: Instrumentation = {
  name: 'llm',
  start(agent) {
    const stopAsking = agent.settings?.includeUsage === true ? requestUsage(agent) : null;
    const stopObserving = observeWire(agent, new LlmObserver(agent));
    return () => {
      stopObserving();
      finishBodies();
      stopAsking?.();
    };
  },
};

class LlmObserver implements WireObserver {
  readonly #agent: Agent;
  readonly #attempts: Attempts;
  readonly #labels: LlmLabels;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#attempts = new Attempts(agent.clock);
    this.#labels = {
      models: new BoundedLabels(MODELS_MAX, () => agent.labelFolded('gen_ai.request.model')),
      providers: new BoundedLabels(PROVIDERS_MAX, () => agent.labelFolded('gen_ai.provider.name')),
      errors: new BoundedLabels(ERROR_TYPES_MAX, () => agent.labelFolded('error.type')),
    };
  }

  open(request: WireRequest): WireExchange | null {
    if (request.method !== 'POST') return null;
    const { host, path } = request;
    const recognised = recognise(host, path, (name) => request.header(name) !== null);
    if (recognised === null) return null;
    const options = {
      agent: this.#agent,
      labels: this.#labels,
      attempts: this.#attempts,
      recognised,
      context: currentContext(),
    };
    return new LlmCall(options, request);
  }
}

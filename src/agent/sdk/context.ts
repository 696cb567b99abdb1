import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { Context, ContextManager } from '@opentelemetry/api';
import { type OwnContexts, SPAN_KEY } from '../context/app-trace.ts';
import { currentContext, type WorkContext } from '../context/context.ts';

/** Values by key, as the API has them: each change makes another one. Its own class would be loaded with all of the API. */
class Values implements Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown> = new Map()) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new Values(new Map(this.#values).set(key, value));
  }

  deleteValue(key: symbol): Context {
    return new Values(new Map([...this.#values].filter(([other]) => other !== key)));
  }
}

export const ROOT: Context = new Values();

/** What of a request's caller is no span: its baggage, and the state of its trace; `undefined`: nothing. */
export type CallersContext = (work: WorkContext) => Context | undefined;

interface Token {
  dispose(): void;
}

/**
 * The context manager of the app's SDK where that is ours. Where the app has made a context current since the innermost
 * request, session or query of ours began, that one is active; else the work's own, whose span is that of its event: so the
 * app's spans are children of our events, and our events of the app's spans.
 */
export class WorkContextManager implements ContextManager, OwnContexts {
  readonly #storage = new AsyncLocalStorage<Context>();
  /** One for each piece of work, so that it is the same whenever it is asked for. */
  readonly #ofWork = new WeakMap<WorkContext, Context>();
  readonly #callersContext: CallersContext;
  readonly #spanOf: (work: WorkContext, around: Context) => unknown;
  #adding = false;

  /** @param spanOf the span that a piece of work is, as the API has one. */
  constructor(callersContext: CallersContext, spanOf: (work: WorkContext, around: Context) => unknown) {
    this.#callersContext = callersContext;
    this.#spanOf = spanOf;
  }

  active(): Context {
    const entered = this.#storage.getStore();
    const work = currentContext()?.event;
    if (work === undefined || work.beganIn !== entered) return entered ?? ROOT;
    return this.#contextOf(work);
  }

  entered(): Context | undefined {
    return this.#storage.getStore();
  }

  innermost(): Context | undefined {
    const entered = this.#storage.getStore();
    return entered === currentContext()?.event?.beganIn ? undefined : entered;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => Reflect.apply(fn, thisArg, args) as ReturnType<F>);
  }

  bind<T>(context: Context, target: T): T {
    if (target instanceof EventEmitter) this.#bindEmitter(context, target);
    return typeof target === 'function'
      ? (this.#bound(context, target as (...args: never[]) => unknown) as T)
      : target;
  }

  /** Makes a context current for the rest of the calling asynchronous resource, until the token is disposed of. */
  attach(context: Context): Token {
    const before = this.#storage.getStore();
    this.#storage.enterWith(context);
    let disposed = false;
    return {
      dispose: () => {
        if (!disposed) this.#storage.enterWith(before as Context);
        disposed = true;
      },
    };
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }

  #contextOf(work: WorkContext): Context {
    const known = this.#ofWork.get(work);
    if (known !== undefined) return known;
    const around = this.#around(work);
    const made = around.setValue(SPAN_KEY, this.#spanOf(work, around));
    this.#ofWork.set(work, made);
    return made;
  }

  /** What a piece of work has of what it is in: all but the span. */
  #around(work: WorkContext): Context {
    const called = work.headers === undefined ? undefined : this.#callersContext(work);
    if (called !== undefined) return called;
    if (work.beganIn !== undefined) return work.beganIn as Context;
    const outer = work.outerEvent;
    return outer === undefined ? ROOT : this.#contextOf(outer);
  }

  #bound(context: Context, fn: (...args: never[]) => unknown): (...args: unknown[]) => unknown {
    const manager = this;
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return manager.with(context, () => Reflect.apply(fn, this, args));
    };
    Object.defineProperty(bound, 'length', { value: fn.length, configurable: true });
    return bound;
  }

  /** Listeners added from now on run in the context. Node removes a listener also by the function in its `listener`. */
  #bindEmitter(context: Context, emitter: EventEmitter): void {
    // Its own, not every emitter's: a stream begins to flow by them.
    const { on, prependListener } = emitter;
    for (const name of ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const) {
      const add = emitter[name];
      emitter[name] = (event, listener) => {
        // `once` adds by `on`.
        if (this.#adding) return Reflect.apply(add, emitter, [event, listener]);
        this.#adding = true;
        try {
          const own = name.startsWith('prepend') ? prependListener : on;
          return this.#addBound(emitter, { context, name, event, listener, add: own });
        } finally {
          this.#adding = false;
        }
      };
    }
  }

  #addBound(emitter: EventEmitter, { context, name, event, listener, add }: Listening): EventEmitter {
    const once = name === 'once' || name === 'prependOnceListener';
    const run = this.#bound(context, listener);
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      if (once) emitter.removeListener(event, bound);
      return Reflect.apply(run, this, args);
    };
    bound.listener = listener;
    return Reflect.apply(add, emitter, [event, bound]);
  }
}

interface Listening {
  readonly context: Context;
  readonly name: string;
  readonly event: string | symbol;
  readonly listener: (...args: never[]) => unknown;
  /** Adds it, as it is. */
  readonly add: EventEmitter['on'];
}

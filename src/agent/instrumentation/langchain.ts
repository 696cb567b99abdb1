import type { Instrumentation } from '../agent.ts';
import { currentContext } from '../context.ts';
import { agentHandle } from '../handle.ts';
import { onModuleLoad } from './module-hook.ts';
import { replaceMethod } from './replace-method.ts';

type Invoke = (this: unknown, input: unknown, ...rest: unknown[]) => Promise<unknown>;

const FILES = ['@langchain/core/dist/retrievers/index.js', '@langchain/core/dist/retrievers/index.cjs'];

/**
 * Retrievers of LangChain.js (`@langchain/core` 0.1 to 1): each `invoke` is a RAG query by itself, or, inside one, its vector
 * search. Its own callbacks are not used: they run beside the work and carry no context into it.
 */
export const langchain: Instrumentation = {
  name: 'langchain',
  start() {
    const undos = FILES.map((file) => onModuleLoad(file, (exports) => watchRetrievers(exports)));
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function watchRetrievers(exports: unknown): (() => void) | undefined {
  const { BaseRetriever } = exports as {
    readonly BaseRetriever?: { readonly prototype: { invoke: Invoke } };
  };
  const prototype = BaseRetriever?.prototype;
  if (typeof prototype?.invoke !== 'function') return undefined;
  return replaceMethod(
    prototype,
    'invoke',
    (invoke) =>
      function (input, ...rest) {
        return retrieve(input, () => invoke.call(this, input, ...rest));
      },
  );
}

function retrieve(input: unknown, run: () => Promise<unknown>): Promise<unknown> {
  const ragScope = currentContext()?.ragScope;
  if (ragScope !== undefined) {
    return ragScope.retriever(() => counting(run, (chunks) => ragScope.retrieved(chunks)));
  }
  const handle = agentHandle();
  if (handle === undefined) return run();
  const attributes = typeof input === 'string' ? { query: input } : {};
  return handle.ragQuery(attributes, (query) =>
    counting(run, (chunksRetrieved) => query.result({ chunksRetrieved })),
  );
}

async function counting(run: () => Promise<unknown>, tell: (chunks: number) => void): Promise<unknown> {
  const documents = await run();
  if (Array.isArray(documents)) tell(documents.length);
  return documents;
}

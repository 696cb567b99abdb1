import type { Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { observeRetrieval } from './retriever.ts';

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
        return observeRetrieval({
          question: () => (typeof input === 'string' ? input : undefined),
          run: () => invoke.call(this, input, ...rest),
          found: (documents) =>
            Array.isArray(documents) ? { chunks: documents.length, scores: null } : null,
        });
      },
  );
}

import type { SearchFound } from '../context/context.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { observeRetrieval } from './retriever.ts';

type Retrieve = (this: unknown, params: unknown, ...rest: unknown[]) => Promise<unknown>;

const FILES = ['@llamaindex/core/retriever/dist/index.js', '@llamaindex/core/retriever/dist/index.cjs'];

/**
 * Retrievers of LlamaIndex.TS (`@llamaindex/core` 0.4 to 0.6, which `llamaindex` 0.8 to 0.12 is made of): each `retrieve` is
 * a RAG query by itself, or, inside one, its vector search. Query and chat engines retrieve through it.
 */
export const llamaindex: Instrumentation = {
  name: 'llamaindex',
  start() {
    const undos = FILES.map((file) => onModuleLoad(file, (exports) => watchRetrievers(exports)));
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function watchRetrievers(exports: unknown): (() => void) | undefined {
  const { BaseRetriever } = exports as {
    readonly BaseRetriever?: { readonly prototype: { retrieve: Retrieve } };
  };
  const prototype = BaseRetriever?.prototype;
  if (typeof prototype?.retrieve !== 'function') return undefined;
  return replaceMethod(
    prototype,
    'retrieve',
    (retrieve) =>
      function (params, ...rest) {
        const run = () => retrieve.call(this, params, ...rest);
        return observeRetrieval({ question: () => questionOf(params), run, found: foundIn });
      },
  );
}

/** A question is a text, or an object that holds one, alone or in parts; of several texts LlamaIndex makes paragraphs. */
function questionOf(params: unknown): string | undefined {
  const query = isObject(params) && !Array.isArray(params) ? params['query'] : params;
  if (typeof query === 'string') return query;
  if (!Array.isArray(query)) return undefined;
  const texts = query.filter((part) => isObject(part) && typeof part['text'] === 'string');
  return texts.length === 0 ? undefined : texts.map(({ text }) => text).join('\n\n');
}

/** Nodes with the scores that their store or index gave them, best first. */
function foundIn(nodes: unknown): SearchFound | null {
  if (!Array.isArray(nodes)) return null;
  const scores = nodes.map((node) => (isObject(node) ? node['score'] : undefined)).filter(isNumber);
  const [top] = scores;
  // A score that only some have is no measure of all.
  if (top === undefined || scores.length < nodes.length) return { chunks: nodes.length, scores: null };
  const average = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return { chunks: nodes.length, scores: { top, average } };
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

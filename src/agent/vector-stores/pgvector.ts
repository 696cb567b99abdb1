import { VECTOR_SEARCH } from '../../core/signals/rag-query.ts';
import { currentContext, type RagScope, runInContext } from '../context/context.ts';
import { settled } from '../context/on-settled.ts';
import { forgetMatchedText } from '../forget-matched-text.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';

/** Distance operators of pgvector for numbers: Euclidean, cosine, inner product, taxicab. */
const OPERATOR = /<(?:->|=>|#>|\+>)/;
/** Longer statements are not looked at; a vector of 4,000 numbers written into one takes 80,000. */
const STATEMENT_CHARS_MAX = 1024 * 1024;
/** What may hold the same characters and means something else: literals, quoted names, comments. Each ends at the end. */
const NOT_CODE = /'[^']*(?:'|$)|"[^"]*(?:"|$)|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$)/g;

type Callback = (this: unknown, ...results: unknown[]) => unknown;
type Query = (this: unknown, ...parameters: unknown[]) => unknown;
type Connect = (this: unknown, callback?: unknown) => unknown;

/** A statement as `query` takes it besides a string; with `submit` it runs itself. */
interface Statement {
  readonly text?: unknown;
  readonly submit?: unknown;
  readonly callback?: unknown;
}

/**
 * Searches by pgvector's operators through `pg` 8, inside RAG queries. `pg` publishes on no diagnostics channel, so its
 * `query` is watched: statements are looked at, their parameters never are, and of the result the number of rows is taken.
 * Cursors and query streams, which submit themselves, are not seen.
 */
export const pg: Instrumentation = {
  name: 'pg',
  start() {
    const undos = [
      onModuleLoad('pg/lib/client.js', (exports) => watchQueries(exports)),
      onModuleLoad('pg-pool/index.js', (exports) => keepContext(exports)),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function watchQueries(exports: unknown): (() => void) | undefined {
  const { prototype } = exports as { readonly prototype?: { query: Query } };
  if (typeof prototype?.query !== 'function') return undefined;
  return replaceMethod(
    prototype,
    'query',
    (query) =>
      function (...parameters) {
        const ragScope = currentContext()?.ragScope;
        if (ragScope === undefined || !isSearch(parameters[0])) return query.apply(this, parameters);
        return watched(ragScope, parameters, (given) => query.apply(this, given));
      },
  );
}

/**
 * A pool that is exhausted calls back from where another query gave its client back: the callback is put back into the work
 * that asked, or that query's stages would go to another one.
 */
function keepContext(exports: unknown): (() => void) | undefined {
  const { prototype } = exports as { readonly prototype?: { connect: Connect } };
  if (typeof prototype?.connect !== 'function') return undefined;
  return replaceMethod(
    prototype,
    'connect',
    (connect) =>
      function (callback) {
        if (typeof callback !== 'function') return connect.call(this, callback);
        const context = currentContext();
        return connect.call(this, function (this: unknown, ...results: unknown[]) {
          return runInContext(context, () => callback.apply(this, results));
        });
      },
  );
}

function isSearch(statement: unknown): boolean {
  if (typeof statement === 'string') return searchesVectors(statement);
  const { text, submit } = (statement ?? {}) as Statement;
  return typeof text === 'string' && typeof submit !== 'function' && searchesVectors(text);
}

/** Runs a query whose end is seen where the app sees it: in its callback or in its promise. */
function watched(
  ragScope: RagScope,
  parameters: unknown[],
  run: (parameters: unknown[]) => unknown,
): unknown {
  const stageEnded = ragScope.stageBegan(VECTOR_SEARCH);
  const ended = (result: unknown) => {
    stageEnded();
    ragScope.searchEnded()(found(result));
  };
  const at = parameters.findIndex((parameter) => typeof parameter === 'function');
  try {
    if (at !== -1) {
      const callback = parameters[at] as Callback;
      const seeing: Callback = function (this: unknown, ...results) {
        ended(results[1]);
        return callback.apply(this, results);
      };
      return run(parameters.with(at, seeing));
    }
    const answer = run(parameters);
    if (answer instanceof Promise && answer.constructor === Promise) return settled(answer, ended);
    stageEnded(); // A callback inside the statement: when it is called is not seen.
    return answer;
  } catch (error) {
    stageEnded();
    throw error;
  }
}

function found(result: unknown): { readonly chunks: number; readonly scores: null } | null {
  const { rows } = (result ?? {}) as { readonly rows?: unknown };
  return Array.isArray(rows) ? { chunks: rows.length, scores: null } : null;
}

/** Whether a statement compares vectors with an operator of pgvector. Nothing of its text is kept. */
export function searchesVectors(statement: string): boolean {
  if (statement.length > STATEMENT_CHARS_MAX || !OPERATOR.test(statement)) return false;
  const searches = OPERATOR.test(statement.replace(NOT_CODE, ' '));
  forgetMatchedText();
  return searches;
}

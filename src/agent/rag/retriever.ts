import { agentHandle } from '../api/handle.ts';
import { currentContext, type SearchFound } from '../context/context.ts';

/** One retrieval by a framework's retriever. */
export interface Retrieval {
  /** Reads the question, where it has a text. */
  readonly question: () => string | undefined;
  readonly run: () => Promise<unknown>;
  /** Reads what `run` gave; `null` when it is of an unknown shape. */
  readonly found: (given: unknown) => SearchFound | null;
}

/**
 * A retrieval is a RAG query by itself, or part of the one around it. In both it is a vector search but for the stages that
 * are seen inside, so that a store inside the process has its time, too. What `run` gives or throws passes through.
 */
export function observeRetrieval(retrieval: Retrieval): Promise<unknown> {
  if (currentContext()?.ragScope !== undefined) return retrieveInQuery(retrieval);
  const handle = agentHandle();
  if (handle === undefined) return retrieval.run();
  return handle.ragQuery({ query: readable(retrieval.question) }, () => retrieveInQuery(retrieval));
}

function retrieveInQuery({ run, found }: Retrieval): Promise<unknown> {
  const ragScope = currentContext()?.ragScope;
  if (ragScope === undefined) return run();
  return ragScope.retriever(async () => {
    const given = await run();
    const search = readable(() => found(given));
    if (search !== undefined && search !== null) ragScope.retrieved(search);
    return given;
  });
}

/** What `read` finds in the app's own objects; `undefined` where one of their getters throws. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

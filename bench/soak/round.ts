/** What is done in one round. */
export const ROUND = { requests: 12, questions: 2, sessions: 2 } as const;

export interface LoadOrder {
  readonly port: number;
  readonly rounds: number;
  readonly eventsPerSecond: number;
}

/** What was answered. */
export interface LoadTally {
  requests: number;
  questions: number;
  sessions: number;
}

/** A question is a request, a query and a call of a model. */
const EVENTS_OF_QUESTION = 3;

/** Rows by table that it comes to. */
export function rowsOf({ requests, questions, sessions }: LoadTally): Readonly<Record<string, number>> {
  return {
    request_metrics: requests + questions,
    rag_metrics: questions,
    llm_call_metrics: questions,
    ws_session_metrics: sessions,
  };
}

export const EVENTS_OF_ROUND = ROUND.requests + EVENTS_OF_QUESTION * ROUND.questions + ROUND.sessions;

import { NervecenterError } from '../../core/errors.ts';
import { toCsv } from '../../core/history/csv.ts';
import {
  ParameterError,
  parseEventsQuery,
  parseHistoryQuery,
  parseTraceId,
} from '../../core/history/parameters.ts';
import type { EventsAnswer, EventsQuery, HistoryAnswer, HistoryQuery } from '../../core/history/query.ts';
import type { TraceAnswer } from '../../core/history/trace.ts';
import { SIGNALS } from '../../core/signals/index.ts';
import { respond, respondJson } from './respond.ts';
import type { Exchange } from './routes.ts';

/** What follows is the id. */
export const TRACES_PATH = '/api/metrics/traces/';
export const TRACE_ROUTE = `${TRACES_PATH}:trace_id`;

/** Whoever has the rows. Absent where nothing is stored. */
export interface HistorySources {
  history?(query: HistoryQuery): Promise<HistoryAnswer>;
  events?(query: EventsQuery): Promise<EventsAnswer>;
  /** `null`: nothing of it is stored. */
  trace?(traceId: string): Promise<TraceAnswer | null>;
}

export async function answerHistory({ response, search }: Exchange, sources: HistorySources): Promise<void> {
  const query = parsed(() => parseHistoryQuery(new URLSearchParams(search), Date.now()));
  if (sources.history === undefined) throw nothingStored();
  respondJson(response, 200, await sources.history(query));
}

export async function answerEvents(exchange: Exchange, sources: HistorySources): Promise<void> {
  const { request, response, search } = exchange;
  const query = parsed(() => parseEventsQuery(new URLSearchParams(search), Date.now()));
  if (sources.events === undefined) throw nothingStored();
  const answer = await sources.events(query);
  if (/\btext\/csv\b/i.test(request.headers.accept ?? '')) answerCsv(exchange, answer);
  else respondJson(response, 200, answer);
}

export async function answerTrace({ response, path }: Exchange, sources: HistorySources): Promise<void> {
  const traceId = parsed(() => parseTraceId(path.slice(TRACES_PATH.length)));
  if (sources.trace === undefined) throw nothingStored();
  const answer = await sources.trace(traceId);
  if (answer === null)
    throw new NervecenterError(
      'NC_NOT_FOUND',
      'Nothing of this trace is stored: it was not kept, it is past its retention, or the id is another one.',
    );
  respondJson(response, 200, answer);
}

/** At most 500 rows; where the next page is goes into a header, because CSV has no place for it. */
function answerCsv({ response, path, search }: Exchange, answer: EventsAnswer): void {
  const columns = SIGNALS[answer.signal].columns.map(({ name }) => name);
  const next = new URLSearchParams(search);
  next.set('cursor', answer.next_cursor ?? '');
  const headers = {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${answer.signal}.csv"`,
    vary: 'Accept',
    ...(answer.next_cursor === null ? {} : { link: `<${path}?${next}>; rel="next"` }),
  };
  respond(response, 200, headers, toCsv(columns, answer.events));
}

/** @throws NervecenterError `NC_BAD_REQUEST` for a parameter that cannot be used. */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    throw new NervecenterError('NC_BAD_REQUEST', error.message, { cause: error });
  }
}

function nothingStored(): NervecenterError {
  return new NervecenterError('NC_UNAVAILABLE', 'Storage is off (NERVECENTER_STORAGE): there is no history.');
}

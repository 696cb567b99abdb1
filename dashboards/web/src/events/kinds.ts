import { HISTORY } from '../../../../src/core/history/catalogue.ts';
import type { EventRow } from '../../../../src/core/history/query.ts';
import { holds } from '../../../../src/core/signals/facts.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';
import type { IconName } from '../elements/icons.ts';
import { bytes, cost, count, name, percent, quantity, timeSpan } from '../format.ts';

export interface EventColumn {
  readonly label: string;
  readonly text: (row: EventRow) => string;
  /** Right of the column's edge, in figures of one width. */
  readonly isNumber?: boolean;
  /** Left out where there is little room. */
  readonly isOptional?: boolean;
}

/** How the rows of one signal are shown. */
export interface EventKind {
  /** Of the tab. */
  readonly title: string;
  readonly icon: IconName;
  /** The column with its duration; `null`: it has none. */
  readonly duration: string | null;
  /** Whether a row can belong to a trace. */
  readonly isTraced: boolean;
  /** What the event is, in a few words. */
  readonly titleOf: (row: EventRow) => string;
  /** What came of it, in a word: `null` where there is nothing to tell. */
  readonly outcomeOf: ((row: EventRow) => string) | null;
  readonly isFailed: (row: EventRow) => boolean;
  readonly columns: readonly EventColumn[];
}

const NOTHING = '–';

type Format = (value: number) => string;

const textOf = (row: EventRow, column: string): string => {
  const value = row[column] ?? null;
  return value === null ? NOTHING : name(String(value));
};
const text = (label: string, column: string): EventColumn => ({
  label,
  text: (row) => textOf(row, column),
  isOptional: true,
});
const figure = (label: string, column: string, format: Format): EventColumn => ({
  label,
  text: (row) => figureOf(row, column, format),
  isNumber: true,
  isOptional: true,
});
const duration = (column: string): EventColumn => ({
  ...figure('Took', column, timeSpan),
  isOptional: false,
});

function figureOf(row: EventRow, column: string, format: Format): string {
  const value = row[column];
  return typeof value === 'number' ? format(value) : NOTHING;
}

const pair = (label: string, columns: readonly [string, string], format: Format): EventColumn => ({
  label,
  text: (row) => columns.map((column) => figureOf(row, column, format)).join(' / '),
  isNumber: true,
  isOptional: true,
});

const PEOPLE = [text('User', 'user_email'), text('Department', 'department')];

/** What a row is called, and what came of it. What is not said here follows from the catalogue. */
type Look = Partial<Pick<EventKind, 'icon' | 'titleOf' | 'outcomeOf' | 'columns'>>;

const LOOKS: Readonly<Partial<Record<SignalName, Look>>> = {
  request: {
    icon: 'routes',
    titleOf: (row) => `${textOf(row, 'method')} ${textOf(row, 'endpoint')}`,
    outcomeOf: requestOutcome,
    columns: [figure('Answer', 'response_size_bytes', bytes)],
  },
  'llm-call': {
    icon: 'bolt',
    titleOf: (row) => `${textOf(row, 'provider')} ${textOf(row, 'model')}`,
    outcomeOf: outcomeOf('llm-call'),
    columns: [
      figure('First token', 'first_token_ms', timeSpan),
      pair('Tokens in / out', ['prompt_tokens', 'completion_tokens'], count),
      figure('Cost', 'cost_usd', cost),
    ],
  },
  'rag-query': {
    icon: 'layers',
    titleOf: (row) => `RAG query ${textOf(row, 'query_hash').slice(0, 8)}`,
    outcomeOf: outcomeOf('rag-query'),
    columns: [
      figure('Embedding', 'embedding_ms', timeSpan),
      figure('Search', 'vector_search_ms', timeSpan),
      figure('Chunks', 'chunks_retrieved', count),
      { ...text('Cache', 'cache_hit'), text: cacheOf },
      figure('Top score', 'top_score', quantity),
    ],
  },
  cache: {
    icon: 'database',
    titleOf: (row) => textOf(row, 'cache_type'),
    columns: [
      { ...pair('Hits / misses', ['hits', 'misses'], count), isOptional: false },
      figure('Hit rate', 'hit_rate', percent),
      figure('Keys', 'keys_count', count),
      figure('Memory', 'memory_used_bytes', bytes),
      text('Service', 'service'),
    ],
  },
  system: {
    icon: 'pulse',
    titleOf: (row) => textOf(row, 'metric_name'),
    columns: [
      { ...figure('Value', 'value', quantity), isOptional: false },
      { ...text('Unit', 'unit'), isOptional: false },
      text('Type', 'metric_type'),
    ],
  },
  'ws-session': {
    icon: 'plug',
    titleOf: (row) => textOf(row, 'path'),
    outcomeOf: (row) => textOf(row, 'close_code'),
    columns: [
      pair('Messages in / out', ['messages_in', 'messages_out'], count),
      pair('Bytes in / out', ['bytes_in', 'bytes_out'], bytes),
    ],
  },
  span: {
    icon: 'spans',
    titleOf: (row) => textOf(row, 'name'),
    outcomeOf: (row) => {
      const type = row['error_type'] ?? null;
      return name(type === null ? textOf(row, 'status') : `${row['status']}: ${type}`);
    },
    columns: [text('Service', 'service'), text('Kind', 'kind'), text('Made by', 'scope')],
  },
};

/** The kinds in the order of the tabs. */
export const KINDS = Object.fromEntries(
  (Object.keys(HISTORY) as SignalName[]).map((signal) => [signal, kindOf(signal)]),
) as Readonly<Record<SignalName, EventKind>>;

function kindOf(signal: SignalName): EventKind {
  const { title, dimensions, durationColumn, isTraced } = HISTORY[signal];
  const { icon = 'list', titleOf = () => title, outcomeOf = null, columns = [] } = LOOKS[signal] ?? {};
  return {
    title,
    icon,
    duration: durationColumn,
    isTraced,
    titleOf,
    outcomeOf,
    isFailed: (row) => isFailed(signal, row),
    columns: [
      ...(durationColumn === null ? [] : [duration(durationColumn)]),
      ...columns,
      ...(dimensions.includes('user') ? PEOPLE : []),
    ],
  };
}

function isFailed(signal: SignalName, row: EventRow): boolean {
  const { failed } = HISTORY[signal];
  return failed !== null && holds(failed, (column) => row[column]);
}

/** The status that was sent, if any, and that it came to no end. */
function requestOutcome(row: EventRow): string {
  const outcome = row['outcome'] ?? null;
  if (outcome === null) return textOf(row, 'status_code');
  return name(row['status_code'] === 0 ? String(outcome) : `${outcome}: ${row['status_code']}`);
}

/** Other writers may know no outcome. */
function outcomeOf(signal: SignalName): (row: EventRow) => string {
  return (row) => {
    const outcome = row['outcome'] ?? (isFailed(signal, row) ? 'error' : 'ok');
    const type = row['error_type'] ?? null;
    return name(type === null ? String(outcome) : `${outcome}: ${type}`);
  };
}

function cacheOf(row: EventRow): string {
  const hit = row['cache_hit'] ?? null;
  if (hit === null) return NOTHING;
  return hit === true ? 'hit' : 'miss';
}

export function isSignalName(text: string): text is SignalName {
  return Object.hasOwn(KINDS, text);
}

/** When it was complete, in milliseconds since 1970; 0 for a time nobody can read. */
export function endMsOf(row: EventRow): number {
  const ms = Date.parse(String(row['timestamp']));
  return Number.isNaN(ms) ? 0 : ms;
}

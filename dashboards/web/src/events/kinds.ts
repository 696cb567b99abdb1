import type { SignalName } from '../../../../src/core/event.ts';
import type { EventRow } from '../../../../src/core/history/query.ts';
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
const ERROR_STATUS_MIN = 400;

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

function outcomeOf(row: EventRow): string {
  const outcome = row['outcome'] ?? (row['success'] === false ? 'error' : 'ok');
  const type = row['error_type'] ?? null;
  return name(type === null ? String(outcome) : `${outcome}: ${type}`);
}

const isError = (row: EventRow): boolean =>
  (row['outcome'] ?? (row['success'] === false ? 'error' : 'ok')) === 'error';

/** The kinds in the order of the tabs. */
export const KINDS: Readonly<Record<SignalName, EventKind>> = {
  request: {
    title: 'Requests',
    icon: 'routes',
    duration: 'response_time_ms',
    isTraced: true,
    titleOf: (row) => `${textOf(row, 'method')} ${textOf(row, 'endpoint')}`,
    outcomeOf: (row) => textOf(row, 'status_code'),
    isFailed: ({ status_code: status }) => typeof status === 'number' && status >= ERROR_STATUS_MIN,
    columns: [duration('response_time_ms'), figure('Answer', 'response_size_bytes', bytes), ...PEOPLE],
  },
  'llm-call': {
    title: 'LLM calls',
    icon: 'bolt',
    duration: 'elapsed_ms',
    isTraced: true,
    titleOf: (row) => `${textOf(row, 'provider')} ${textOf(row, 'model')}`,
    outcomeOf,
    isFailed: isError,
    columns: [
      duration('elapsed_ms'),
      figure('First token', 'first_token_ms', timeSpan),
      pair('Tokens in / out', ['prompt_tokens', 'completion_tokens'], count),
      figure('Cost', 'cost_usd', cost),
      ...PEOPLE,
    ],
  },
  'rag-query': {
    title: 'RAG queries',
    icon: 'layers',
    duration: 'total_ms',
    isTraced: true,
    titleOf: (row) => `RAG query ${textOf(row, 'query_hash').slice(0, 8)}`,
    outcomeOf,
    isFailed: isError,
    columns: [
      duration('total_ms'),
      figure('Embedding', 'embedding_ms', timeSpan),
      figure('Search', 'vector_search_ms', timeSpan),
      figure('Chunks', 'chunks_retrieved', count),
      { ...text('Cache', 'cache_hit'), text: cacheOf },
      figure('Top score', 'top_score', quantity),
      ...PEOPLE,
    ],
  },
  cache: {
    title: 'Caches',
    icon: 'database',
    duration: null,
    isTraced: false,
    titleOf: (row) => textOf(row, 'cache_type'),
    outcomeOf: null,
    isFailed: () => false,
    columns: [
      { ...pair('Hits / misses', ['hits', 'misses'], count), isOptional: false },
      figure('Hit rate', 'hit_rate', percent),
      figure('Keys', 'keys_count', count),
      figure('Memory', 'memory_used_bytes', bytes),
      text('Service', 'service'),
    ],
  },
  system: {
    title: 'System',
    icon: 'pulse',
    duration: null,
    isTraced: false,
    titleOf: (row) => textOf(row, 'metric_name'),
    outcomeOf: null,
    isFailed: () => false,
    columns: [
      { ...figure('Value', 'value', quantity), isOptional: false },
      { ...text('Unit', 'unit'), isOptional: false },
      text('Type', 'metric_type'),
    ],
  },
  'ws-session': {
    title: 'WebSocket sessions',
    icon: 'plug',
    duration: 'duration_ms',
    isTraced: true,
    titleOf: (row) => textOf(row, 'path'),
    outcomeOf: (row) => textOf(row, 'close_code'),
    isFailed: () => false,
    columns: [
      duration('duration_ms'),
      pair('Messages in / out', ['messages_in', 'messages_out'], count),
      pair('Bytes in / out', ['bytes_in', 'bytes_out'], bytes),
      ...PEOPLE,
    ],
  },
};

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

import type { BilledUnits, TokenUsage } from '../../core/llm/usage.ts';
import type { LlmCallEvent } from '../../core/signals/llm-call.ts';
import { milliseconds, tokens } from '../../core/units.ts';

/** What the price of a stored call depends on. */
export type StoredCall = Pick<
  LlmCallEvent,
  | 'timeMs'
  | 'provider'
  | 'serverAddress'
  | 'model'
  | 'responseModel'
  | 'usage'
  | 'reportedCostUsd'
  | 'serviceTier'
  | 'billedUnits'
>;

/** The columns that tell it. */
export const STORED_CALL_COLUMNS = [
  'provider',
  'server_address',
  'model',
  'response_model',
  'service_tier',
  'billed_units',
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'cache_write_1h_tokens',
  'audio_in_tokens',
  'image_in_tokens',
  'reasoning_tokens',
  'audio_out_tokens',
  'image_out_tokens',
];

type Row = Readonly<Record<string, unknown>>;

/** The call that a row of `llm_call_metrics` is of; `time_ms` is its time in milliseconds since the Unix epoch. */
export function storedCall(row: Row): StoredCall {
  return {
    timeMs: milliseconds(Number(row['time_ms'])),
    provider: String(row['provider']),
    serverAddress: textOf(row['server_address']),
    model: String(row['model']),
    responseModel: textOf(row['response_model']),
    usage: storedUsage(row),
    reportedCostUsd: null,
    serviceTier: textOf(row['service_tier']),
    billedUnits: unitsOf(row['billed_units']),
  };
}

/**
 * The buckets of a row. Rows of other writers may lack most columns: what is not told apart counts as plain input or
 * output. No bucket is negative, whatever is in the columns. `null` without any count.
 */
export function storedUsage(row: Row): TokenUsage | null {
  if (row['prompt_tokens'] == null && row['completion_tokens'] == null) return null;
  const count = (column: string) => Math.max(0, Number(row[column] ?? 0)) || 0;
  const written = partsOf(count('cache_write_tokens'), [count('cache_write_1h_tokens')]);
  const input = partsOf(count('prompt_tokens'), [
    count('cached_tokens'),
    ...written.reverse(),
    count('audio_in_tokens'),
    count('image_in_tokens'),
  ]);
  const output = partsOf(count('completion_tokens'), [
    count('reasoning_tokens'),
    count('audio_out_tokens'),
    count('image_out_tokens'),
  ]);
  return usageOf(input, output);
}

/** @param input cached, written for 5 minutes, for an hour, audio, images, the rest; @param output likewise. */
function usageOf(input: readonly number[], output: readonly number[]): TokenUsage {
  const at = (counts: readonly number[], index: number) => tokens(counts[index] ?? 0);
  return {
    cacheRead: at(input, 0),
    cacheWrite5m: at(input, 1),
    cacheWrite1h: at(input, 2),
    inputAudio: at(input, 3),
    inputImage: at(input, 4),
    inputUncached: at(input, 5),
    outputReasoning: at(output, 0),
    outputAudio: at(output, 1),
    outputImage: at(output, 2),
    outputText: at(output, 3),
  };
}

/** The parts of a whole, each at most what the earlier ones leave, and last what is left. */
function partsOf(whole: number, claims: readonly number[]): number[] {
  let rest = whole;
  const parts = claims.map((claim) => {
    const part = Math.min(claim, rest);
    rest -= part;
    return part;
  });
  return [...parts, rest];
}

function unitsOf(value: unknown): BilledUnits | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const counts = Object.entries(value).filter(([, count]) => typeof count === 'number' && count >= 0);
  return counts.length === 0 ? null : Object.fromEntries(counts);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

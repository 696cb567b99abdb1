import type { CounterSpec } from '../signals/instruments.ts';

/** What a bounded label could not take, by the attribute it was for. */
export const FOLDED_LABELS: CounterSpec = {
  name: 'nervecenter.labels.folded',
  kind: 'counter',
  unit: '{value}',
  description:
    'Names that gave up their place to busier ones, and uses of names that found none, by nervecenter.label.',
};
export const FOLDED_LABEL = 'nervecenter.label';

/** What metrics tell calls apart by. */
export const CALL_OPERATION = 'gen_ai.operation.name';
export const CALL_PROVIDER = 'gen_ai.provider.name';
export const CALL_MODEL = 'gen_ai.request.model';

/** `error.type` of a call that the app gave up. */
export const ABORTED = 'aborted';

/** Longest label; the model column of the table takes as much. */
const LABEL_CHARS_MAX = 100;
/** What metrics show instead of a value past the bound. */
export const OTHER = 'other';

/** What types, codes and reasons may look like; anything else is a sentence, and may quote what was asked. */
const WORD = /^[\w.:/-]{1,64}$/;

/** A model's name as it may be stored: printable, at most 100 characters; `null` when it is no usable string. */
export function modelName(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const name = value.slice(0, LABEL_CHARS_MAX).replace(/[^\x21-\x7e]+/g, '?');
  return name === '' ? null : name;
}

/** The first of several codes and types that can be a label, `null` when none can. */
export function errorType(candidates: readonly unknown[]): string | null {
  for (const candidate of candidates) {
    const text = word(typeof candidate === 'number' ? String(candidate) : candidate);
    if (text !== null) return text;
  }
  return null;
}

/** A provider's word for something (`stop`, `priority`) if it is one, `null` otherwise. */
export function word(value: unknown): string | null {
  return typeof value === 'string' && WORD.test(value) ? value : null;
}

import type { Attributes, HistogramPoint, Point } from '../frame.ts';
import type { HistogramSpec, InstrumentSpec } from '../signals/instruments.ts';
import {
  kindOfCall,
  LLM_CALL_INPUT_TOKENS,
  LLM_CALL_OUTPUT_TOKENS,
  LLM_CHUNK_GAPS,
  LLM_DURATIONS,
  LLM_EMBEDDINGS_INPUT_TOKENS,
  LLM_FIRST_CHUNK,
  LLM_INPUT_TOKENS,
  LLM_OUTPUT_TOKENS,
  LLM_USAGE,
  TOKEN_MODALITY,
} from './call-instruments.ts';
import { CALL_OPERATION } from './labels.ts';

/**
 * What model calls are measured with by the semantic conventions 1.45 and before. With `NERVECENTER_SEMCONV=dup` they are
 * shown beside those of today, of which they are made; totals and spools of versions before bear their names.
 */
const OLDER_DURATION: HistogramSpec = {
  name: 'gen_ai.client.operation.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of calls to a model provider.',
};
const OLDER_FIRST_CHUNK: HistogramSpec = {
  ...LLM_FIRST_CHUNK,
  name: 'gen_ai.client.operation.time_to_first_chunk',
};
const OLDER_CHUNK_GAPS: HistogramSpec = {
  ...LLM_CHUNK_GAPS,
  name: 'gen_ai.client.operation.time_per_output_chunk',
};
const OLDER_TOKENS: HistogramSpec = {
  name: 'gen_ai.client.token.usage',
  kind: 'histogram',
  unit: '{token}',
  description:
    'Tokens per call by gen_ai.token.type: input (cached ones included) or output (reasoning included).',
};
const TOKEN_TYPE = 'gen_ai.token.type';

/** Those of them that today's names do not have in another meaning. */
export const OLDER_INSTRUMENTS: readonly HistogramSpec[] = [
  OLDER_FIRST_CHUNK,
  OLDER_CHUNK_GAPS,
  OLDER_TOKENS,
];

/** What a metric of today was called before. */
export interface OlderName {
  readonly instrument: HistogramSpec;
  /** Of different series of today, and of different metrics, they may be equal: those add up. */
  readonly attributes: (attributes: Attributes) => Attributes;
}

const same = (attributes: Attributes): Attributes => attributes;
const ofType =
  (type: 'input' | 'output') =>
  ({ 'error.type': _notTold, ...attributes }: Attributes): Attributes => ({
    ...attributes,
    [TOKEN_TYPE]: type,
  });

const OLDER_NAMES = new Map<string, OlderName>([
  ...Object.values(LLM_DURATIONS).map(({ name }): [string, OlderName] => [
    name,
    { instrument: OLDER_DURATION, attributes: same },
  ]),
  [LLM_FIRST_CHUNK.name, { instrument: OLDER_FIRST_CHUNK, attributes: same }],
  [LLM_CHUNK_GAPS.name, { instrument: OLDER_CHUNK_GAPS, attributes: same }],
  [LLM_CALL_INPUT_TOKENS.name, { instrument: OLDER_TOKENS, attributes: ofType('input') }],
  [LLM_EMBEDDINGS_INPUT_TOKENS.name, { instrument: OLDER_TOKENS, attributes: ofType('input') }],
  [LLM_CALL_OUTPUT_TOKENS.name, { instrument: OLDER_TOKENS, attributes: ofType('output') }],
]);

/** @returns `undefined` for what had no other name, or did not exist. */
export function olderName(name: string): OlderName | undefined {
  return OLDER_NAMES.get(name);
}

/** The same measurement as the version before made it; none where it made none, or made it under the name it has. */
export function olderPoints(point: Point): Point[] {
  const older = OLDER_NAMES.get(point.name);
  if (older === undefined || point.kind !== 'histogram') return [];
  return [renamed(point, older.instrument, older.attributes(point.attributes))];
}

const USAGE = new Set(LLM_USAGE.map(({ name }) => name));

/**
 * What a version before measured, under the names of today. What is of today already stays as it is, so a point may come here
 * more than once.
 */
export function currentPoints(point: Point): Point[] {
  if (point.kind === 'counter') return [USAGE.has(point.name) ? withModality(point) : point];
  if (point.kind !== 'histogram') return [point];
  const { attributes } = point;
  switch (point.name) {
    case OLDER_DURATION.name:
      return [renamed(point, LLM_DURATIONS[kindOfCall(attributes[CALL_OPERATION])], attributes)];
    case OLDER_FIRST_CHUNK.name:
      return [renamed(point, LLM_FIRST_CHUNK, attributes)];
    case OLDER_CHUNK_GAPS.name:
      return [renamed(point, LLM_CHUNK_GAPS, attributes)];
    case OLDER_TOKENS.name:
      return tokenPoints(point);
    default:
      return [point];
  }
}

/** Of each type a counter, and the histogram per call where calls were counted; a type nobody knows was never shown. */
function tokenPoints(point: HistogramPoint): Point[] {
  const { [TOKEN_TYPE]: type, ...attributes } = point.attributes;
  if (type !== 'input' && type !== 'output') return [];
  if (kindOfCall(attributes[CALL_OPERATION]) === 'embeddings') {
    if (type === 'input') return [renamed(point, LLM_EMBEDDINGS_INPUT_TOKENS, attributes)];
    if (point.sum === 0) return [];
  }
  const [counter, histogram] =
    type === 'input'
      ? [LLM_INPUT_TOKENS, LLM_CALL_INPUT_TOKENS]
      : [LLM_OUTPUT_TOKENS, LLM_CALL_OUTPUT_TOKENS];
  const total = withModality({ ...described(counter), kind: 'counter', attributes, value: point.sum });
  return point.count > 0 ? [total, renamed(point, histogram, attributes)] : [total];
}

function renamed(point: HistogramPoint, instrument: HistogramSpec, attributes: Attributes): HistogramPoint {
  return { ...point, ...described(instrument), attributes };
}

function described({
  name,
  unit,
  description,
}: InstrumentSpec): Pick<Point, 'name' | 'unit' | 'description'> {
  return { name, unit, description };
}

function withModality<P extends Point>(point: P): P {
  if (TOKEN_MODALITY in point.attributes) return point;
  return { ...point, attributes: { ...point.attributes, [TOKEN_MODALITY]: 'unknown' } };
}

import type { OtlpSpan } from '../model.ts';
import { COMMON_CALL_KEYS, keysOf, readCall } from './calls.ts';
import type { CallFacts, SpanDialect, SpanRole } from './dialect.ts';
import { GEN_AI_NAMES } from './gen-ai.ts';
import { operationNamed } from './operations.ts';

const KIND = 'traceloop.span.kind';
const REQUEST_TYPE = 'llm.request.type';
const SYSTEM = 'gen_ai.system';
const MODEL = 'gen_ai.request.model';
const OPERATION = 'gen_ai.operation.name';
/** Its tokens are as Anthropic says them; Python's instrumentation has added the cached ones already. */
const COUNTS_AS_ANTHROPIC = '@traceloop/instrumentation-anthropic';

/**
 * OpenLLMetry (Traceloop), and the earliest instrumentations, which named a system and a model and no operation. Newer ones
 * name operations by the conventions, beside kinds of their own.
 */
export const openLlmetry: SpanDialect = {
  keys: [KIND, REQUEST_TYPE, OPERATION, ...keysOf(GEN_AI_NAMES), ...COMMON_CALL_KEYS],
  roleOf,
  operationOf,
  call,
};

function roleOf({ attributes, scope }: OtlpSpan): SpanRole | null {
  const kind = attributes[KIND];
  if (typeof kind === 'string') return kind === 'tool' ? 'tool' : 'rollup';
  const type = attributes[REQUEST_TYPE];
  if (typeof type === 'string') return operationNamed(type)?.role ?? 'rollup';
  if (typeof attributes[OPERATION] === 'string')
    // The conventions say what it is, this how it counts.
    return scope.name === COUNTS_AS_ANTHROPIC && operationNamed(attributes[OPERATION])?.role === 'call'
      ? 'call'
      : null;
  return typeof attributes[SYSTEM] === 'string' && typeof attributes[MODEL] === 'string' ? 'call' : null;
}

function operationOf({ attributes, name }: OtlpSpan): string {
  const word = attributes[REQUEST_TYPE] ?? attributes[OPERATION];
  const operation = typeof word === 'string' ? operationNamed(word) : undefined;
  if (operation !== undefined && operation.operation !== '') return operation.operation;
  return name.includes('embedding') ? 'embeddings' : 'chat';
}

function call(span: OtlpSpan): CallFacts {
  return readCall(span, GEN_AI_NAMES, {
    operation: operationOf(span),
    inputExcludesCached: span.scope.name === COUNTS_AS_ANTHROPIC,
  });
}

import type { Attributes, AttributeValue } from '../../../core/frame.ts';
import { CLIENT_CLOSED_REQUEST, knownMethod } from '../../../core/http/served.ts';
import { TOKEN_MODALITY } from '../../../core/llm/call-instruments.ts';
import {
  CALL_MODEL,
  CALL_OPERATION,
  CALL_PROVIDER,
  errorType,
  modelName,
  word,
} from '../../../core/llm/labels.ts';
import { requestAttributes as measuredAttributes, UNFINISHED } from '../../../core/signals/request.ts';
import { text } from '../../../core/signals/row.ts';
import { GEN_AI_NAMES } from './dialects/gen-ai.ts';
import { operationNamed } from './dialects/operations.ts';
import { providerId } from './dialects/provider-ids.ts';
import { hostOf, numberOf, textOf } from './dialects/values.ts';
import type { OtlpLabels } from './labels.ts';
import type { OtlpAttributes, OtlpValue } from './model.ts';

/** As many as an SDK lets a span have by default is far more than a metric should. */
export const ATTRIBUTES_MAX = 64;
const CHARS_MAX = 255;
const SERVER_ERROR = 500;

/** Scalars, anything else as JSON, in the order of names, cut; `null` where there are too many. */
export function bounded(attributes: OtlpAttributes): Attributes | null {
  const names = Object.keys(attributes);
  if (names.length > ATTRIBUTES_MAX) return null;
  const entries = names.sort().flatMap((name): [string, AttributeValue][] => {
    const value = scalar(attributes[name]);
    return value === null ? [] : [[text(name, CHARS_MAX) ?? '', value]];
  });
  return Object.fromEntries(entries);
}

function scalar(value: OtlpValue | undefined): AttributeValue | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return text(value, CHARS_MAX);
  if (typeof value === 'boolean' || Number.isFinite(value)) return value as boolean | number;
  return text(typeof value === 'number' ? String(value) : JSON.stringify(value), CHARS_MAX);
}

/** Of requests, by the names of the conventions of today or before: as requests are measured here. */
export function requestAttributes(attributes: OtlpAttributes, { routes }: OtlpLabels): Attributes {
  const told = (name: string, older: string) => attributes[name] ?? attributes[older];
  const method = told('http.request.method', 'http.method');
  const route = attributes['http.route'];
  return measuredAttributes({
    method: knownMethod(typeof method === 'string' ? method : undefined),
    statusCode: statusOf(told('http.response.status_code', 'http.status_code'), attributes),
    ...(attributes['error.type'] === UNFINISHED ? { outcome: UNFINISHED } : {}),
    route: routes.bound(typeof route === 'string' ? route : undefined),
    ...(told('url.scheme', 'http.scheme') === 'https' ? { scheme: 'https' } : {}),
  });
}

/** No status was sent where none is told: the request failed before, or nobody waited for it any more. */
function statusOf(told: OtlpValue | undefined, attributes: OtlpAttributes): number {
  const status = Number(told ?? attributes['error.type']);
  if (Number.isInteger(status) && status >= 100 && status <= 999) return status;
  if (attributes['error.type'] === UNFINISHED) return 0;
  return attributes['error.type'] === undefined ? CLIENT_CLOSED_REQUEST : SERVER_ERROR;
}

const TOKEN_TYPE = 'gen_ai.token.type';
const MODALITIES: ReadonlySet<unknown> = new Set(['text', 'image', 'audio', 'unknown']);

/** Of model calls: as they are measured here, `null` of what is no call or of tokens that are a part of others. */
export function callAttributes(attributes: OtlpAttributes, labels: OtlpLabels): Attributes | null {
  const call = callNames(attributes);
  if (call === null) return null;
  const folded = labels.calls.of(call).labels;
  const type = attributes[TOKEN_TYPE];
  if (type !== undefined && type !== 'input' && type !== 'output') return null;
  const modality = attributes[TOKEN_MODALITY];
  const error = folded?.errorType ?? call.errorType;
  return {
    [CALL_OPERATION]: labels.operations.of(call.operation),
    [CALL_PROVIDER]: folded?.provider ?? call.provider,
    [CALL_MODEL]: folded?.model ?? call.model,
    ...(error !== null && { 'error.type': error }),
    ...(type !== undefined && { [TOKEN_TYPE]: type }),
    ...(modality !== undefined && {
      [TOKEN_MODALITY]: MODALITIES.has(modality) ? String(modality) : 'unknown',
    }),
  };
}

interface CallNames {
  readonly operation: string;
  readonly provider: string;
  readonly model: string;
  readonly errorType: string | null;
}

/** `null` of agents, tools, memories and retrievals: what a model is asked in them is told by itself. */
function callNames(attributes: OtlpAttributes): CallNames | null {
  const told = word(attributes[CALL_OPERATION]) ?? 'chat';
  const known = operationNamed(told);
  if (known !== undefined && known.role !== 'call') return null;
  const address = textOf(attributes, ['server.address']);
  const model =
    modelName(textOf(attributes, GEN_AI_NAMES.model)) ??
    modelName(textOf(attributes, GEN_AI_NAMES.responseModel)) ??
    'unknown';
  const server = {
    host: address === null ? null : hostOf(address),
    port: numberOf(attributes, ['server.port']) ?? undefined,
    model,
  };
  const failed = attributes['error.type'] !== undefined;
  return {
    operation: known?.operation ?? told,
    provider: providerId(textOf(attributes, GEN_AI_NAMES.provider), server),
    model,
    errorType: failed ? (errorType([attributes['error.type']]) ?? '_OTHER') : null,
  };
}

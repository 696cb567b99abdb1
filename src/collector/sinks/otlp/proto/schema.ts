/** What goes on as it came. */
export type ForwardedSignal = 'traces' | 'logs';

/** Numbers, texts and bytes as OTLP/JSON writes them: ids are bytes as hex digits, 64-bit integers texts. */
export type Scalar =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'int64'
  | 'uint32'
  | 'fixed32'
  | 'fixed64'
  | 'double';

export interface Field {
  readonly number: number;
  readonly name: string;
  /** A scalar, or the message's name. */
  readonly type: Scalar | MessageName;
  readonly repeated: boolean;
  /** Of an enum, by number: JSON may have its values by name. */
  readonly values: readonly string[];
}

export type MessageName = keyof typeof MESSAGES;

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const STATUSES = ['UNSET', 'OK', 'ERROR'];
const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** The messages of opentelemetry-proto 1.9 that requests with spans and log records are made of, with the numbers of their fields. */
const MESSAGES = {
  TracesRequest: { resourceSpans: [1, 'ResourceSpans', 'many'] },
  ResourceSpans: {
    resource: [1, 'Resource'],
    scopeSpans: [2, 'ScopeSpans', 'many'],
    schemaUrl: [3, 'string'],
  },
  ScopeSpans: { scope: [1, 'Scope'], spans: [2, 'Span', 'many'], schemaUrl: [3, 'string'] },
  LogsRequest: { resourceLogs: [1, 'ResourceLogs', 'many'] },
  ResourceLogs: { resource: [1, 'Resource'], scopeLogs: [2, 'ScopeLogs', 'many'], schemaUrl: [3, 'string'] },
  ScopeLogs: { scope: [1, 'Scope'], logRecords: [2, 'LogRecord', 'many'], schemaUrl: [3, 'string'] },
  Resource: {
    attributes: [1, 'KeyValue', 'many'],
    droppedAttributesCount: [2, 'uint32'],
    entityRefs: [3, 'EntityRef', 'many'],
  },
  EntityRef: {
    schemaUrl: [1, 'string'],
    type: [2, 'string'],
    idKeys: [3, 'string', 'many'],
    descriptionKeys: [4, 'string', 'many'],
  },
  Scope: {
    name: [1, 'string'],
    version: [2, 'string'],
    attributes: [3, 'KeyValue', 'many'],
    droppedAttributesCount: [4, 'uint32'],
  },
  Span: {
    traceId: [1, 'id'],
    spanId: [2, 'id'],
    traceState: [3, 'string'],
    parentSpanId: [4, 'id'],
    name: [5, 'string'],
    kind: [6, 'uint32', KINDS.map((kind) => `SPAN_KIND_${kind}`)],
    startTimeUnixNano: [7, 'fixed64'],
    endTimeUnixNano: [8, 'fixed64'],
    attributes: [9, 'KeyValue', 'many'],
    droppedAttributesCount: [10, 'uint32'],
    events: [11, 'SpanEvent', 'many'],
    droppedEventsCount: [12, 'uint32'],
    links: [13, 'SpanLink', 'many'],
    droppedLinksCount: [14, 'uint32'],
    status: [15, 'Status'],
    flags: [16, 'fixed32'],
  },
  SpanEvent: {
    timeUnixNano: [1, 'fixed64'],
    name: [2, 'string'],
    attributes: [3, 'KeyValue', 'many'],
    droppedAttributesCount: [4, 'uint32'],
  },
  SpanLink: {
    traceId: [1, 'id'],
    spanId: [2, 'id'],
    traceState: [3, 'string'],
    attributes: [4, 'KeyValue', 'many'],
    droppedAttributesCount: [5, 'uint32'],
    flags: [6, 'fixed32'],
  },
  Status: {
    message: [2, 'string'],
    code: [3, 'uint32', STATUSES.map((status) => `STATUS_CODE_${status}`)],
  },
  LogRecord: {
    timeUnixNano: [1, 'fixed64'],
    severityNumber: [
      2,
      'uint32',
      [
        'SEVERITY_NUMBER_UNSPECIFIED',
        ...SEVERITIES.flatMap((name) => ['', '2', '3', '4'].map((step) => `SEVERITY_NUMBER_${name}${step}`)),
      ],
    ],
    severityText: [3, 'string'],
    body: [5, 'AnyValue'],
    attributes: [6, 'KeyValue', 'many'],
    droppedAttributesCount: [7, 'uint32'],
    flags: [8, 'fixed32'],
    traceId: [9, 'id'],
    spanId: [10, 'id'],
    observedTimeUnixNano: [11, 'fixed64'],
    eventName: [12, 'string'],
  },
  KeyValue: { key: [1, 'string'], value: [2, 'AnyValue'] },
  AnyValue: {
    stringValue: [1, 'string'],
    boolValue: [2, 'bool'],
    intValue: [3, 'int64'],
    doubleValue: [4, 'double'],
    arrayValue: [5, 'ArrayValue'],
    kvlistValue: [6, 'KeyValueList'],
    bytesValue: [7, 'bytes'],
  },
  ArrayValue: { values: [1, 'AnyValue', 'many'] },
  KeyValueList: { values: [1, 'KeyValue', 'many'] },
} as const;

export const REQUESTS: Readonly<Record<ForwardedSignal, MessageName>> = {
  traces: 'TracesRequest',
  logs: 'LogsRequest',
};

/** Values and their lists in each other; what the receivers of OTLP take is far below. */
export const DEPTH_MAX = 100;

const SCHEMA = new Map(Object.entries(MESSAGES).map(([name, fields]) => [name, fieldsOfMessage(fields)]));

function fieldsOfMessage(fields: Readonly<Record<string, readonly unknown[]>>): readonly Field[] {
  return Object.entries(fields).map(([name, [number, type, more]]) => ({
    name,
    number: number as number,
    type: type as Field['type'],
    repeated: more === 'many',
    values: Array.isArray(more) ? (more as string[]) : [],
  }));
}

export function schemaOf(message: MessageName): readonly Field[] {
  return SCHEMA.get(message) ?? [];
}

export function isMessage(type: Field['type']): type is MessageName {
  return SCHEMA.has(type);
}

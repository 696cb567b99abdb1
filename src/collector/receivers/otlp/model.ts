import type { SPAN_KINDS } from '../../../core/signals/span.ts';

/**
 * OTLP as the decoders give it to whoever reads it, the same from protobuf and from JSON. Names are those of
 * opentelemetry-proto 1.9; times are milliseconds since the epoch, ids lower-case hex.
 */

import type { Via } from '../../../core/passage.ts';

/** A value of an attribute or a body. 64-bit integers are numbers, exact to 2^53; bytes are base64 text, as in JSON. */
export type OtlpValue =
  | string
  | number
  | boolean
  | null
  | readonly OtlpValue[]
  | { readonly [key: string]: OtlpValue };

/** An object without a prototype: names come from anybody. */
export type OtlpAttributes = Readonly<Record<string, OtlpValue>>;

export interface OtlpResource {
  readonly attributes: OtlpAttributes;
}

/** The library that made it. */
export interface OtlpScope {
  readonly name: string;
  readonly version: string;
}

export type OtlpSpanKind = (typeof SPAN_KINDS)[number];

export interface OtlpSpanEvent {
  readonly name: string;
  readonly timeMs: number;
  readonly attributes: OtlpAttributes;
}

export interface OtlpSpan {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. */
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: OtlpSpanKind;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: 'unset' | 'ok' | 'error';
  readonly statusMessage: string;
  /** Those that rows are made of (`keys.ts`); the others are skipped over and read by `allAttributes`. */
  readonly attributes: OtlpAttributes;
  readonly events: readonly OtlpSpanEvent[];
  /** Decodes them when called: for a span that is kept. Valid while the request's bytes are referenced. */
  allAttributes(): OtlpAttributes;
}

export type OtlpTemporality = 'unspecified' | 'delta' | 'cumulative';

interface OtlpPointBase {
  readonly attributes: OtlpAttributes;
  /** 0 where the sender does not say. */
  readonly startMs: number;
  readonly timeMs: number;
  /** The sender marks a gap: the series has no value any more. */
  readonly noRecordedValue: boolean;
}

export interface OtlpNumberPoint extends OtlpPointBase {
  readonly value: number;
}

export interface OtlpHistogramPoint extends OtlpPointBase {
  readonly count: number;
  /** `null` where it is not recorded, as for negative values. */
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly explicitBounds: readonly number[];
  /** One more than bounds, or none at all. */
  readonly bucketCounts: readonly number[];
}

export interface OtlpBuckets {
  readonly offset: number;
  readonly counts: readonly number[];
}

export interface OtlpExponentialPoint extends OtlpPointBase {
  readonly count: number;
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: OtlpBuckets;
  readonly negative: OtlpBuckets;
}

export interface OtlpSummaryPoint extends OtlpPointBase {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export type OtlpMetricData =
  | { readonly kind: 'gauge'; readonly points: readonly OtlpNumberPoint[] }
  | {
      readonly kind: 'sum';
      readonly isMonotonic: boolean;
      readonly temporality: OtlpTemporality;
      readonly points: readonly OtlpNumberPoint[];
    }
  | {
      readonly kind: 'histogram';
      readonly temporality: OtlpTemporality;
      readonly points: readonly OtlpHistogramPoint[];
    }
  | {
      readonly kind: 'exponential';
      readonly temporality: OtlpTemporality;
      readonly points: readonly OtlpExponentialPoint[];
    }
  | { readonly kind: 'summary'; readonly points: readonly OtlpSummaryPoint[] }
  /** None that is known. */
  | { readonly kind: 'none' };

export interface OtlpMetric {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly data: OtlpMetricData;
}

export interface OtlpLogRecord {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
  /** The time of the record, else the time it was observed, else 0. */
  readonly timeMs: number;
  /** `SeverityNumber`: 5 debug, 9 info, 13 warn, 17 error; 0 unspecified. */
  readonly severity: number;
  /** Of an event, its name: the field, else the attribute `event.name` of older senders; else empty. */
  readonly eventName: string;
  readonly body: OtlpValue;
  readonly attributes: OtlpAttributes;
  readonly traceId: string | null;
  readonly spanId: string | null;
}

/** How a body is written. */
export type Encoding = 'protobuf' | 'json';

/** How a request came. */
export interface OtlpDelivery {
  /** A UUID made of its bytes before inflation: a client's retry sends the same ones. */
  readonly digest: string;
  /** Whose key it came with (`NERVECENTER_OTLP_KEYS`), `null` where none was asked for. */
  readonly keyName: string | null;
  readonly encoding: Encoding;
  /** Inflated: it stays in memory as long as one of its spans is held. */
  readonly body: Buffer;
  /** The collectors that it has passed through. */
  readonly via: Via;
}

/** What of a request could not be used: `partial_success`. */
export interface OtlpRejected {
  readonly count: number;
  /** For people: what was left out and why; empty where nothing was. */
  readonly message: string;
}

/**
 * What takes what the listeners receive. Each resolves when all of it is accepted: in the spool, where there is one. They
 * reject with a `NervecenterError` only: `NC_UNAVAILABLE` says that the sender should come back later.
 */
export interface OtlpConsumer {
  /** Whether so much waits to be accepted that senders should come back later with more. */
  readonly crowded: boolean;
  spans(spans: readonly OtlpSpan[], delivery: OtlpDelivery): Promise<OtlpRejected>;
  metrics(metrics: readonly OtlpMetric[], delivery: OtlpDelivery): Promise<OtlpRejected>;
  logs(records: readonly OtlpLogRecord[], delivery: OtlpDelivery): Promise<OtlpRejected>;
}

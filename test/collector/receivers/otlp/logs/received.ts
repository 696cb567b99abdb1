import { randomUUID } from 'node:crypto';
import { OTLP_EXCEPTIONS, OTLP_OUTCOMES } from '../../../../../src/collector/receivers/otlp/acceptance.ts';
import { OtlpLogs } from '../../../../../src/collector/receivers/otlp/logs/otlp-logs.ts';
import type {
  OtlpAttributes,
  OtlpLogRecord,
  OtlpRejected,
  OtlpValue,
} from '../../../../../src/collector/receivers/otlp/model.ts';
import { Subjects } from '../../../../../src/collector/receivers/otlp/subjects.ts';
import { SentBatches } from '../../../../../src/collector/receivers/sent-batches.ts';
import { NO_VIA } from '../../../../../src/core/passage.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { counterOf } from '../../../../../src/core/signals/instruments.ts';
import { DeltaMeterProvider } from '../../../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../../../src/metrics/snapshot-reader.ts';
import { labels, resourceOf } from '../metrics/sender.ts';

export const NOW_MS = 1_700_000_000_000;
export const INSTANCE = 'c0ffee00-0000-4000-8000-000000000001';
export const APP = resourceOf({ 'service.name': 'shop', 'service.instance.id': INSTANCE });
export const WRITER = 'c0ffee00-0000-4000-8000-0000000000aa';
export const TRACE = '5b8efff798038103d269b633813fc60c';
export const SPAN = 'eee19b7ec3c1b174';

export const recordOf = (more: Partial<OtlpLogRecord>): OtlpLogRecord => ({
  resource: APP,
  scope: { name: 'test', version: '' },
  timeMs: NOW_MS - 1000,
  severity: 9,
  eventName: '',
  body: null,
  attributes: {},
  traceId: null,
  spanId: null,
  ...more,
});

export const requestEvent = (route: string) => ({
  signal: 'request',
  id: randomUUID(),
  timeMs: NOW_MS - 2000,
  route,
  method: 'GET',
  statusCode: 200,
  durationMs: 12.5,
  requestBytes: null,
  responseBytes: 7,
  traceId: null,
  userEmail: null,
  department: null,
});

export function eventRecord(body: OtlpValue, batch?: number, more: OtlpAttributes = {}): OtlpLogRecord {
  const of =
    batch === undefined ? {} : { 'nervecenter.batch.writer': WRITER, 'nervecenter.batch.seq': batch };
  return recordOf({
    eventName: 'nervecenter.event',
    body,
    attributes: { 'nervecenter.signal': 'request', ...of, ...more },
  });
}

export const callRecord = (
  attributes: OtlpAttributes = {},
  more: Partial<OtlpLogRecord> = {},
): OtlpLogRecord =>
  recordOf({
    eventName: 'gen_ai.client.inference.operation.details',
    severity: 5,
    traceId: TRACE,
    spanId: SPAN,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      ...attributes,
    },
    ...more,
  });

/** A taker of log records, and what it gave on. */
export class Received {
  readonly offers: {
    readonly events: readonly NervecenterEvent[];
    readonly sent?: readonly [string, number];
  }[] = [];
  /** What an offer waits for. */
  written: Promise<void> = Promise.resolve();
  readonly subjects = new Subjects();
  readonly sentBatches = new SentBatches();
  readonly logs: OtlpLogs;
  readonly #own = new DeltaMeterProvider();
  readonly #reader = new SnapshotReader([this.#own]);

  constructor({ joins = true } = {}) {
    const meter = this.#own.getMeter();
    this.logs = new OtlpLogs({
      subjects: this.subjects,
      labels: labels(),
      records: counterOf(meter, OTLP_OUTCOMES),
      exceptions: counterOf(meter, OTLP_EXCEPTIONS),
      onFolded: () => {},
      sink: {
        join: () => joins,
        sentBatches: this.sentBatches,
        offered: async () => {},
        offer: (events, _passage, sent) => {
          this.offers.push({ events, ...(sent && { sent }) });
          return this.written;
        },
      },
    });
  }

  take(
    records: readonly OtlpLogRecord[],
    nowMs: number,
    digest: string = randomUUID(),
  ): Promise<OtlpRejected> {
    return this.logs.take(records, nowMs, { via: NO_VIA, digest });
  }

  get events(): NervecenterEvent[] {
    return this.offers.flatMap(({ events }) => events);
  }

  /** Value by the attribute that is asked for. */
  counted(name: string, attribute: string): Record<string, number> {
    const points = this.#reader
      .collectNow()
      .filter((point) => point.name === name && point.kind === 'counter');
    return Object.fromEntries(
      points.map((point) => [String(point.attributes[attribute]), 'value' in point ? point.value : 0]),
    );
  }
}

import type { Meter } from '@opentelemetry/api';
import { type ErrorCode, NervecenterError } from '../../../../core/errors.ts';
import { type CounterSpec, counterOf } from '../../../../core/signals/instruments.ts';

/** What a request is about, as its path names it. */
export type OtlpSignal = 'traces' | 'metrics' | 'logs';

const REQUESTS: CounterSpec = {
  name: 'nervecenter.otlp.requests',
  kind: 'counter',
  unit: '{request}',
  description: 'Requests by OTLP that were answered.',
};
const RECORDS: CounterSpec = {
  name: 'nervecenter.otlp.records',
  kind: 'counter',
  unit: '{record}',
  description: 'Spans, data points and log records that came by OTLP.',
};

/** Counts what the listeners answered. */
export class OtlpStatistics {
  readonly #requests;
  readonly #records;

  constructor(meter: Meter) {
    this.#requests = counterOf(meter, REQUESTS);
    this.#records = counterOf(meter, RECORDS);
  }

  /** @param outcome `accepted`, `repeated`, `went_round`, or the code of the error in lower case and without its prefix. */
  request(signal: OtlpSignal | 'unknown', outcome: string): void {
    this.#requests.add(1, { signal, outcome });
  }

  refused(signal: OtlpSignal | 'unknown', error: unknown): void {
    const code: ErrorCode = error instanceof NervecenterError ? error.code : 'NC_UNAVAILABLE';
    this.request(signal, code.replace(/^NC_/, '').toLowerCase());
  }

  records(signal: OtlpSignal, accepted: number, rejected: number): void {
    if (accepted > 0) this.#records.add(accepted, { signal, outcome: 'accepted' });
    if (rejected > 0) this.#records.add(rejected, { signal, outcome: 'rejected' });
  }
}

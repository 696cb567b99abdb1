import { NervecenterError } from '../../../../core/errors.ts';
import { toProblem } from '../../../../core/http/problem.ts';
import { DecodeError } from '../decode/decode-error.ts';
import type { Decoded, Encoding, OtlpDecoder } from '../decode/decoder.ts';
import { pointsIn } from '../decode/records.ts';
import type { OtlpConsumer, OtlpDelivery, OtlpRejected } from '../model.ts';
import { uuidOf } from '../sender.ts';
import { overloaded } from './in-flight.ts';
import { RECENT_MAX } from './limits.ts';
import { RecentRequests } from './recent.ts';
import type { OtlpSignal, OtlpStatistics } from './statistics.ts';
import { Turns } from './turns.ts';

/** A request whose bytes are all here. */
export interface ExportRequest {
  readonly signal: OtlpSignal;
  readonly encoding: Encoding;
  /** As they came. */
  readonly bytes: Buffer;
  readonly keyName: string | null;
  /** Gives the body that the bytes hold. */
  readonly inflate: () => Promise<Buffer>;
}

export interface ExportsOptions {
  readonly decoder: OtlpDecoder;
  readonly consumer: OtlpConsumer;
  readonly statistics: OtlpStatistics;
  /** Is told of failures that nobody foresaw. */
  readonly failed: (error: unknown) => void;
}

/** Accepts requests, however they came: reads them and hands them on, once. */
export class Exports {
  readonly #options: ExportsOptions;
  readonly #recent = new RecentRequests<OtlpRejected>(RECENT_MAX);
  readonly #turns = new Turns();

  constructor(options: ExportsOptions) {
    this.#options = options;
  }

  /**
   * To be asked before a request is received: what is refused early costs next to nothing, so that what is taken is answered in
   * time, however much comes.
   *
   * @throws NervecenterError `NC_OVERLOADED` while more waits than is worked off soon.
   */
  refuseIfCrowded(): void {
    if (this.#turns.late || this.#options.consumer.crowded) throw overloaded();
  }

  /**
   * Resolves when all of it is accepted, to what was left out.
   *
   * @throws NervecenterError only.
   */
  async accept(request: ExportRequest): Promise<OtlpRejected> {
    const { signal, keyName } = request;
    const { statistics, failed } = this.#options;
    const received = { digest: uuidOf(request.bytes), keyName };
    const known = `${signal} ${received.digest} ${keyName ?? ''}`;
    const outcome = this.#recent.has(known) ? 'repeated' : 'accepted';
    try {
      const rejected = await this.#recent.answer(known, () => this.#take(request, received));
      statistics.request(signal, outcome);
      return rejected;
    } catch (error) {
      if (error instanceof DecodeError) throw new NervecenterError('NC_BAD_REQUEST', error.message);
      if (!(error instanceof NervecenterError)) failed(error);
      throw toProblem(error);
    }
  }

  async #take(request: ExportRequest, received: Omit<OtlpDelivery, 'bytes'>): Promise<OtlpRejected> {
    const { signal, encoding } = request;
    const { decoder, consumer, statistics } = this.#options;
    const body = await request.inflate();
    if (!(await this.#turns.take()) || consumer.crowded) throw overloaded();
    const delivery = { ...received, bytes: body.length };
    const { count, rejected } = await TAKERS[signal]({ body, encoding, decoder, consumer, delivery });
    statistics.records(signal, count - rejected.count, rejected.count);
    return rejected;
  }
}

interface Taking {
  readonly body: Buffer;
  readonly encoding: Encoding;
  readonly decoder: OtlpDecoder;
  readonly consumer: OtlpConsumer;
  readonly delivery: OtlpDelivery;
}

/** What came of a request, and how many records there were in all. */
interface Taken {
  readonly count: number;
  readonly rejected: OtlpRejected;
}

const TAKERS: Readonly<Record<OtlpSignal, (taking: Taking) => Promise<Taken>>> = {
  traces: async ({ body, encoding, decoder, consumer, delivery }) => {
    const { records, rejected } = decoder.spans(body, encoding);
    return taken(records, rejected, records.length, () => consumer.spans(records, delivery));
  },
  metrics: async ({ body, encoding, decoder, consumer, delivery }) => {
    const { records, rejected } = decoder.metrics(body, encoding);
    return taken(records, rejected, pointsIn(records), () => consumer.metrics(records, delivery));
  },
  logs: async ({ body, encoding, decoder, consumer, delivery }) => {
    const { records, rejected } = decoder.logs(body, encoding);
    return taken(records, rejected, records.length, () => consumer.logs(records, delivery));
  },
};

async function taken(
  records: Decoded<unknown>['records'],
  unread: OtlpRejected,
  count: number,
  consume: () => Promise<OtlpRejected>,
): Promise<Taken> {
  const unused = records.length === 0 ? { count: 0, message: '' } : await consume();
  return {
    count: count + unread.count,
    rejected: {
      count: unread.count + unused.count,
      message: [unread.message, unused.message].filter((message) => message !== '').join('; '),
    },
  };
}

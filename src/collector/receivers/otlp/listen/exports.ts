import { NervecenterError } from '../../../../core/errors.ts';
import { toProblem } from '../../../../core/http/problem.ts';
import { goesRound, type Via } from '../../../../core/passage.ts';
import { uuidOf } from '../../../../platform/uuid.ts';
import { DecodeError } from '../decode/decode-error.ts';
import type { OtlpDecoder } from '../decode/decoder.ts';
import { pointsIn } from '../decode/records.ts';
import type { Encoding, OtlpConsumer, OtlpDelivery, OtlpRejected } from '../model.ts';
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
  readonly via: Via;
  /** Gives the body that the bytes hold. */
  readonly inflate: () => Promise<Buffer>;
}

/** @throws NervecenterError `NC_BAD_REQUEST` when it is no request that can be read. */
export type HideUsers = (signal: OtlpSignal, encoding: Encoding, body: Buffer) => Buffer;

export interface ExportsOptions {
  readonly decoder: OtlpDecoder;
  readonly consumer: OtlpConsumer;
  readonly statistics: OtlpStatistics;
  /** Under which id this collector sends; `null`: it does not. */
  readonly ownId: string | null;
  /** Gives the body that is read and sent on in the place of what came. @default what came */
  readonly hideUsers?: HideUsers | undefined;
  /** Is told of failures that nobody foresaw. */
  readonly failed: (error: unknown) => void;
  /** Is told when something comes back that was sent from here. */
  readonly wentRound: () => void;
}

/** What was here before is not taken again. */
const ROUND: OtlpConsumer = {
  crowded: false,
  spans: async ({ length }) => refusedRound(length),
  metrics: async (metrics) => refusedRound(pointsIn(metrics)),
  logs: async ({ length }) => refusedRound(length),
};

function refusedRound(count: number): OtlpRejected {
  const message =
    'this collector has sent them itself: collectors that are targets of each other send in a circle, which ends here';
  return { count, message };
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
    const { statistics, ownId, failed, wentRound } = this.#options;
    const digest = uuidOf(request.bytes);
    const known = `${signal} ${digest} ${keyName ?? ''}`;
    try {
      if (ownId !== null && goesRound(request.via, ownId)) {
        const refused = await this.#take(request, digest, ROUND);
        statistics.request(signal, 'went_round');
        wentRound();
        return refused;
      }
      const outcome = this.#recent.has(known) ? 'repeated' : 'accepted';
      const take = () => this.#take(request, digest, this.#options.consumer);
      const rejected = await this.#recent.answer(known, take);
      statistics.request(signal, outcome);
      return rejected;
    } catch (error) {
      if (error instanceof DecodeError) throw new NervecenterError('NC_BAD_REQUEST', error.message);
      if (!(error instanceof NervecenterError)) failed(error);
      throw toProblem(error);
    }
  }

  async #take(request: ExportRequest, digest: string, consumer: OtlpConsumer): Promise<OtlpRejected> {
    const { signal, encoding, keyName, via } = request;
    const { decoder, statistics, hideUsers } = this.#options;
    const told = await request.inflate();
    if (!(await this.#turns.take()) || consumer.crowded) throw overloaded();
    const body = hideUsers?.(signal, encoding, told) ?? told;
    const delivery = { digest, keyName, encoding, body, via };
    const { count, rejected } = await TAKERS[signal]({ decoder, consumer, delivery });
    statistics.records(signal, count - rejected.count, rejected.count);
    return rejected;
  }
}

interface Taking {
  readonly decoder: OtlpDecoder;
  readonly consumer: OtlpConsumer;
  readonly delivery: OtlpDelivery;
}

/** What came of a request, and how many records there were in all. */
interface Taken {
  readonly count: number;
  readonly rejected: OtlpRejected;
}

const NOTHING_UNUSED: OtlpRejected = { count: 0, message: '' };
const TAKERS: Readonly<Record<OtlpSignal, (taking: Taking) => Promise<Taken>>> = {
  traces: async ({ decoder, consumer, delivery }) => {
    const { records, rejected } = decoder.spans(delivery.body, delivery.encoding);
    const taking = records.length === 0 ? NOTHING_UNUSED : consumer.spans(records, delivery);
    return taken(rejected, records.length, taking);
  },
  metrics: async ({ decoder, consumer, delivery }) => {
    const { records, rejected } = decoder.metrics(delivery.body, delivery.encoding);
    const taking = records.length === 0 ? NOTHING_UNUSED : consumer.metrics(records, delivery);
    return taken(rejected, pointsIn(records), taking);
  },
  logs: async ({ decoder, consumer, delivery }) => {
    const { records, rejected } = decoder.logs(delivery.body, delivery.encoding);
    const taking = records.length === 0 ? NOTHING_UNUSED : consumer.logs(records, delivery);
    return taken(rejected, records.length, taking);
  },
};

/** Holds none of the records: they are garbage long before the disk has what they tell. */
async function taken(
  unread: OtlpRejected,
  count: number,
  taking: OtlpRejected | Promise<OtlpRejected>,
): Promise<Taken> {
  const unused = await taking;
  return {
    count: count + unread.count,
    rejected: {
      count: unread.count + unused.count,
      message: [unread.message, unused.message].filter((message) => message !== '').join('; '),
    },
  };
}

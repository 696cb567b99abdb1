import type { OtlpTarget } from '../../../config/otlp/target.ts';
import { UNNAMED_SERVICE } from '../../../core/event.ts';
import type { Via } from '../../../core/passage.ts';
import { protobufOf } from './proto/from-json.ts';
import { isOnePiece, type Piece, piecesOf, textIn } from './proto/pieces.ts';
import type { ForwardedSignal } from './proto/schema.ts';
import { payloadOf } from './queue/event-batch.ts';
import type { EventSpool } from './queue/event-spool.ts';
import type { ExportCounts } from './queue/export-counts.ts';

/** A request that was received and accepted. */
export interface ReceivedRequest {
  readonly signal: ForwardedSignal;
  /** How the body is written. */
  readonly encoding: 'protobuf' | 'json';
  /** Inflated. */
  readonly body: Buffer;
  /** How many spans or log records are in it. */
  readonly records: number;
  readonly via: Via;
  /** Of the bytes as they came: a UUID, the same when the request comes again. */
  readonly digest: string;
}

interface ForwardTarget {
  readonly target: OtlpTarget;
  readonly counts: ExportCounts;
  readonly spool: EventSpool;
}

export interface ForwardingOptions {
  /** Those that have a spool. */
  readonly targets: readonly ForwardTarget[];
}

/** Our own events, as another nervecenter sends them: they are sent on as what they become, not as log records. */
const OWN_EVENT = 'nervecenter.event';
const EVENT_NAME = 12;

/**
 * Puts what is received into the spools of the targets that want it, its bytes as they came, so that a target has what the
 * sender told, and once: log records have no ids by which a target could tell. Another nervecenter gets the events that are made
 * of it instead.
 */
export class Forwarding {
  readonly #targets: readonly ForwardTarget[];

  constructor({ targets }: ForwardingOptions) {
    this.#targets = targets;
  }

  /** Resolves when it is written, or memory is all there is for it; never rejects. */
  async forward(request: ReceivedRequest): Promise<void> {
    const { signal } = request;
    const wanting = this.#targets.filter(
      ({ target }) => !target.nervecenter && target.endpoints[signal] !== undefined,
    );
    if (wanting.length === 0) return;
    const pieces = piecesFor(request);
    await Promise.all(wanting.map((one) => this.#put(one, request, pieces)));
  }

  async #put(
    { target, spool, counts }: ForwardTarget,
    { signal, records, via, digest }: ReceivedRequest,
    piecesOfTarget: (target: OtlpTarget) => readonly Piece[],
  ): Promise<void> {
    let pieces: readonly Piece[];
    try {
      pieces = piecesOfTarget(target);
    } catch {
      // Receiving passes over what rows do not need; here all of it is needed.
      counts.accepted += records;
      counts.drop('unreadable', records);
      return;
    }
    const offers = pieces.map(async ({ records: items, body }, index) => {
      const name = { writer: digest, seq: index + 1 };
      // A sender that did not hear the answer of a collector that was killed sends again what its spool has.
      if (await spool.hasFound(name)) return;
      const payload = payloadOf({ via, requests: [{ signal, items, body }] });
      await spool.offer({ ...name, rows: items, payload });
    });
    await Promise.all(offers);
  }
}

/** What each target gets of a request; those that want all of it get the same. */
function piecesFor(request: ReceivedRequest): (target: OtlpTarget) => readonly Piece[] {
  const { signal, encoding, records } = request;
  const holdsEvents = signal === 'logs' && request.body.includes(OWN_EVENT);
  const record = holdsEvents ? isNoOwnEvent : () => true;
  let protobuf: Buffer | null = null;
  let whole: readonly Piece[] | null = null;
  return ({ services }) => {
    protobuf ??= encoding === 'json' ? protobufOf(signal, request.body) : request.body;
    const body = protobuf;
    if (services !== null) {
      const service = (name: string | null) => services.includes(name ?? UNNAMED_SERVICE);
      return piecesOf(body, { service, record });
    }
    whole ??=
      !holdsEvents && isOnePiece(body, records)
        ? [{ records, body }]
        : piecesOf(body, { service: () => true, record });
    return whole;
  };
}

function isNoOwnEvent(record: Buffer): boolean {
  return textIn(record, EVENT_NAME) !== OWN_EVENT;
}

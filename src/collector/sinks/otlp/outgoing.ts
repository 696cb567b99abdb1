import type { OtlpTarget } from '../../../config/otlp/target.ts';
import type { Via } from '../../../core/passage.ts';
import type { ForwardedSignal } from './proto/schema.ts';
import { jsonOf } from './proto/to-json.ts';
import { type HeldRequest, heldIn } from './queue/event-batch.ts';
import type { EventSpool } from './queue/event-spool.ts';
import { REQUEST_BYTES_MAX, REQUEST_ITEMS_MAX } from './request-bounds.ts';

/** A request to a target. */
export interface Outgoing {
  readonly signal: ForwardedSignal;
  /** What that which is in it has passed through before it came here. */
  readonly via: Via;
  /** Of which batches something is in it, by their index. */
  readonly batches: readonly number[];
  /** @throws Error when what is held cannot be read. */
  readonly body: () => Uint8Array;
  /** The same as requests of one batch each; none where it is all of a piece. */
  readonly parts: readonly Outgoing[];
}

type Batches = Awaited<ReturnType<EventSpool['take']>>;

/** A request that is held, and of which batch. */
interface BatchRequest {
  readonly batch: number;
  readonly via: Via;
  readonly request: HeldRequest;
}

/** The requests that batches become for a target. What has passed through different collectors is in different requests. */
export function outgoingOf(batches: Batches, target: OtlpTarget): Outgoing[] {
  const held = batches.flatMap((batch, index): BatchRequest[] => {
    const { via, requests } = heldIn(batch);
    return requests.map((request) => ({ batch: index, via, request }));
  });
  const alike = Map.groupBy(held, ({ via, request }) => `${request.signal} ${via.join()}`);
  return [...alike.values()].flatMap((some) =>
    filled(some).map(({ first, all }) => outgoing(all, first, target)),
  );
}

/** As few as their bounds allow, in the order in which they came. */
function filled(requests: readonly BatchRequest[]) {
  const groups: { readonly first: BatchRequest; readonly all: BatchRequest[] }[] = [];
  let [items, bytes] = [0, 0];
  for (const one of requests) {
    items += one.request.items;
    bytes += one.request.body.length;
    const group = groups.at(-1);
    if (group !== undefined && items <= REQUEST_ITEMS_MAX && bytes <= REQUEST_BYTES_MAX) group.all.push(one);
    else {
      groups.push({ first: one, all: [one] });
      [items, bytes] = [one.request.items, one.request.body.length];
    }
  }
  return groups;
}

/** @param some of one signal and one way, and the first of them. */
function outgoing(some: readonly BatchRequest[], first: BatchRequest, target: OtlpTarget): Outgoing {
  const { via, request } = first;
  const { signal } = request;
  const batches = new Set(some.map(({ batch }) => batch));
  const json = target.endpoints[signal]?.protocol === 'http/json';
  return {
    signal,
    via,
    batches: [...batches],
    // Requests one behind the other are one request: its only field is a list.
    body: () => {
      const body = Buffer.concat(some.map((one) => one.request.body));
      return json ? jsonOf(signal, body) : body;
    },
    parts: batches.size === 1 ? [] : some.map((one) => outgoing([one], one, target)),
  };
}

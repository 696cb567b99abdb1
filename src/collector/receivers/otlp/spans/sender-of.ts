import type { Sender } from '../../../../core/event.ts';
import type { OtlpResource } from '../model.ts';
import { sourceOfResource } from '../sender.ts';

const KNOWN = new WeakMap<OtlpResource, Sender>();

/** Whom an event is from, which is all an event says of its process. */
export function senderOf(resource: OtlpResource): Sender {
  let sender = KNOWN.get(resource);
  if (sender === undefined) {
    const { instanceId, service } = sourceOfResource(resource);
    sender = { instanceId, service };
    KNOWN.set(resource, sender);
  }
  return sender;
}

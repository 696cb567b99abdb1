import { isUuid } from './signals/checks.ts';

/**
 * The collectors that something sent by OTLP has passed through, each by the id that it sends under. Whoever finds itself among
 * them has had it before.
 */
export type Via = readonly string[];

export const NO_VIA: Via = [];
/** The header, or metadata, in which they stand, with commas between them. */
export const VIA_HEADER = 'x-nervecenter-via';
/** Far more than stand behind each other anywhere; what has passed through more goes round. */
const COLLECTORS_MAX = 64;

/** How events came that came by OTLP. */
export interface Passage {
  readonly via: Via;
  /** They were made of spans or log records, which are sent on themselves. */
  readonly derived: boolean;
}

/** What a header says; nothing where it is absent, or says something else. */
export function viaIn(header: string | undefined): Via {
  if (header === undefined || header === '') return NO_VIA;
  const ids = header.split(',', COLLECTORS_MAX + 1).map((id) => id.trim().toLowerCase());
  return ids.filter(isUuid);
}

/** All that any of them names. */
export function allVia(ways: Iterable<Via>): Via {
  const all = new Set<string>();
  for (const via of ways) for (const id of via) all.add(id);
  return all.size === 0 ? NO_VIA : [...all];
}

/** Whether something comes back to the collector that sends under this id, or has passed through more than there can be. */
export function goesRound(via: Via, own: string): boolean {
  return via.length > COLLECTORS_MAX || via.includes(own);
}

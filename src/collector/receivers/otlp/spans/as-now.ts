import { isDeepStrictEqual } from 'node:util';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import type { RagQueryEvent } from '../../../../core/signals/rag-query.ts';
import type { Person } from './people.ts';
import type { Told } from './trace.ts';

/** What a duration made again may be off by, in milliseconds: times are sums of others. */
const ROUNDED_MS = 0.01;

/**
 * What was told, for whom the work was by now. What a row says of that stays: not everything that said so is kept with a span.
 */
export function forWhom({ event, stored }: Told, { userEmail, department }: Person): NervecenterEvent | null {
  if (event === null || !('userEmail' in event)) return event;
  if (!isKnown({ userEmail, department }) || (stored && isKnown(event))) return event;
  const isSame = event.userEmail === userEmail && event.department === department;
  if (isSame) return event;
  const now = { ...event, userEmail, department };
  // Told again it is priced anew, as all that is told.
  if ('cost' in now) delete now.cost;
  return now;
}

const isKnown = ({ userEmail, department }: Person): boolean => userEmail !== null || department !== null;

/** What was told of a query where that is still so. */
export function asQueryNow(told: Told | null, now: RagQueryEvent): NervecenterEvent {
  const before = told?.event;
  if (before?.signal !== 'rag-query') return now;
  if (told?.stored !== true) return isDeepStrictEqual(before, now) ? before : now;
  const known = withKnown(now, before);
  if (!isAsStored(known, before)) return known;
  return forWhom(told, now) ?? before;
}

/** What the row knows of it and its spans do not say stays. */
function withKnown(now: RagQueryEvent, before: RagQueryEvent): RagQueryEvent {
  const { userEmail, department } = now;
  const known = Object.entries(before).filter(([field]) => now[field as keyof RagQueryEvent] === null);
  return { ...now, ...Object.fromEntries(known), userEmail, department };
}

/** Whether it has the same parts, as far as a row tells. */
function isAsStored(now: RagQueryEvent, before: RagQueryEvent): boolean {
  const isClose = (one: number, other: number | undefined) =>
    other !== undefined && Math.abs(one - other) <= ROUNDED_MS;
  const stages = Object.entries(now.stages);
  return (
    now.id === before.id &&
    now.outcome === before.outcome &&
    now.chunksRetrieved === before.chunksRetrieved &&
    now.sender?.instanceId === before.sender?.instanceId &&
    isClose(now.durationMs, before.durationMs) &&
    stages.length === Object.keys(before.stages).length &&
    stages.every(([stage, ms]) => isClose(ms, before.stages[stage]))
  );
}

import { createHmac } from 'node:crypto';
import type { Point, Source } from '../../core/frame.ts';
import { withOwnFields } from '../../core/records/recorded-request.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import type { WholeSpan } from '../../core/signals/span.ts';
import { type UserHeaders, userAttributes, userHints } from '../../core/user-headers.ts';
import { type Hiding, withHiddenUsers } from './attributes.ts';

/** 128 bits tell any number of people apart, and say nothing of them. */
const DIGITS = 32;
const PSEUDONYM = /^user-[\da-f]{32}$/;
/** An address in a sentence: what comes before and behind its `@`, each without what ends an address. */
const ADDRESS = /[^\s@"'`<>()[\]{},;:=]{1,64}@[^\s@"'`<>()[\]{},;:=/?#]{1,255}/gu;
const DOT_AT_END = /[.!?]+$/;

/** What stands for a user everywhere behind the collector: the same for the same user, as long as the key is the same. */
export interface Pseudonyms extends Hiding {
  /** What is one already stays what it is: what another collector has hidden, or a row says. */
  readonly of: (user: string) => string;
  event(event: NervecenterEvent): NervecenterEvent;
  points(points: readonly Point[]): readonly Point[];
  /** What a process says of itself, or the operator of it. */
  resource<T extends Source['resource']>(attributes: T): T;
}

export interface PseudonymOptions {
  /** Read for each, because it may turn out to be another one. */
  readonly key: () => string;
  readonly userHeaders: UserHeaders | null;
}

/** Users by keyed hash (HMAC-SHA-256): without the key an address cannot even be tried. */
export function pseudonymsOf({ key, userHeaders }: PseudonymOptions): Pseudonyms {
  const hints = userHints(userHeaders);
  const of = (user: string) => {
    if (PSEUDONYM.test(user)) return user;
    const clean = user.replaceAll('\0', '').trim().toWellFormed();
    return `user-${createHmac('sha256', key()).update(clean).digest('hex').slice(0, DIGITS)}`;
  };
  // Names of attributes are those of users in any case, and letters may be written as their numbers.
  const mayHave = (text: string) => {
    const lower = text.toLowerCase();
    return hints.some((hint) => lower.includes(hint)) || lower.includes('\\u');
  };
  const hiding: Hiding = { of, isUser: userAttributes(userHeaders), mayHave };
  const within = <T extends { readonly attributes: unknown }>(one: T): T => {
    const attributes = withHiddenUsers(one.attributes, hiding);
    return attributes === one.attributes ? one : { ...one, attributes };
  };
  return {
    ...hiding,
    event: (event) => hiddenEvent(event, hiding),
    points: (points) => {
      const hidden = points.map(within);
      return hidden.some((point, at) => point !== points[at]) ? hidden : points;
    },
    resource: (attributes) => withHiddenUsers(attributes, hiding),
  };
}

function hiddenEvent(event: NervecenterEvent, hiding: Hiding): NervecenterEvent {
  if ('userEmail' in event) return hiddenPerson(event, hiding);
  if (event.signal !== 'span') return event;
  const { whole } = event;
  return {
    ...event,
    attributes: hiddenJson(event.attributes, hiding),
    events: hiddenJson(event.events, hiding),
    ...(whole === undefined ? {} : { whole: hiddenWhole(whole, hiding) }),
  };
}

/** Whom it was for; a provider's message may quote that, or somebody's address. */
function hiddenPerson<E extends NervecenterEvent & { readonly userEmail: string | null }>(
  event: E,
  hiding: Hiding,
): E {
  const { userEmail } = event;
  const message = 'errorMessage' in event ? event.errorMessage : null;
  const hidden = message === null ? null : inSentence(message, userEmail, hiding);
  if (userEmail === null && hidden === message) return event;
  return {
    ...withOwnFields(event),
    userEmail: userEmail === null ? null : hiding.of(userEmail),
    ...(message === null ? {} : { errorMessage: hidden }),
  };
}

function inSentence(sentence: string, user: string | null, { of }: Hiding): string {
  // A short id may be any word.
  const named = user?.includes('@') ? sentence.replaceAll(user, of(user)) : sentence;
  return named.replace(ADDRESS, (address) => {
    const [end = ''] = DOT_AT_END.exec(address) ?? [];
    return `${of(address.slice(0, address.length - end.length))}${end}`;
  });
}

function hiddenJson(json: string, hiding: Hiding): string {
  if (!hiding.mayHave(json)) return json;
  const told: unknown = JSON.parse(json);
  const hidden = withHiddenUsers(told, hiding);
  return hidden === told ? json : JSON.stringify(hidden);
}

function hiddenWhole(whole: WholeSpan, hiding: Hiding): WholeSpan {
  const within = <T extends { readonly attributes: unknown }>(one: T): T => ({
    ...one,
    attributes: withHiddenUsers(one.attributes, hiding),
  });
  return { ...within(whole), events: whole.events.map(within), links: whole.links.map(within) };
}

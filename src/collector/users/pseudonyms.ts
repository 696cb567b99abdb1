import { createHmac } from 'node:crypto';
import type { Point } from '../../core/frame.ts';
import { withOwnFields } from '../../core/records/recorded-request.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import type { WholeSpan } from '../../core/signals/span.ts';
import type { UserHeaders } from '../../core/user-headers.ts';
import { type IsUserAttribute, userAttributes } from '../../core/user-headers.ts';
import { withHiddenUsers } from './attributes.ts';

/** 128 bits tell any number of people apart, and say nothing of them. */
const DIGITS = 32;
const PSEUDONYM = /^user-[\da-f]{32}$/;
/** Not in any name by which a user is told but in most others. */
const HINT = 'user';

/** What stands for a user everywhere behind the collector: the same for the same user, as long as the key is the same. */
export interface Pseudonyms {
  /** What is one already stays what it is: what another collector has hidden, or a row says. */
  of(user: string): string;
  event(event: NervecenterEvent): NervecenterEvent;
  points(points: readonly Point[]): readonly Point[];
  readonly isUser: IsUserAttribute;
  /** A text that holds none of these, in lower case, has no user in it. */
  readonly hints: readonly string[];
}

export interface PseudonymOptions {
  /** Read for each, because it may turn out to be another one. */
  readonly key: () => string;
  readonly userHeaders: UserHeaders | null;
}

/** Users by keyed hash (HMAC-SHA-256): without the key an address cannot even be tried. */
export function pseudonymsOf({ key, userHeaders }: PseudonymOptions): Pseudonyms {
  const isUser = userAttributes(userHeaders);
  const of = (user: string) => {
    if (PSEUDONYM.test(user)) return user;
    const clean = user.replaceAll('\0', '').trim().toWellFormed();
    return `user-${createHmac('sha256', key()).update(clean).digest('hex').slice(0, DIGITS)}`;
  };
  const hide = <T>(attributes: T): T => withHiddenUsers(attributes, isUser, of);
  const email = userHeaders?.email ?? null;
  return {
    of,
    isUser,
    hints: [HINT, ...(email === null || email.includes(HINT) ? [] : [email, email.replaceAll('-', '_')])],
    event: (event) => hiddenEvent(event, of, hide),
    points: (points) => {
      const hidden = points.map((point) => {
        const attributes = hide(point.attributes);
        return attributes === point.attributes ? point : { ...point, attributes };
      });
      return hidden.some((point, at) => point !== points[at]) ? hidden : points;
    },
  };
}

type Hide = <T>(attributes: T) => T;

function hiddenEvent(event: NervecenterEvent, of: Pseudonyms['of'], hide: Hide): NervecenterEvent {
  if ('userEmail' in event)
    return event.userEmail === null ? event : { ...withOwnFields(event), userEmail: of(event.userEmail) };
  if (event.signal !== 'span') return event;
  const { whole } = event;
  return {
    ...event,
    attributes: hiddenJson(event.attributes, hide),
    events: hiddenJson(event.events, hide),
    ...(whole === undefined ? {} : { whole: hiddenWhole(whole, hide) }),
  };
}

function hiddenJson(json: string, hide: Hide): string {
  if (!json.includes(HINT) && !json.includes('\\u')) return json;
  const told: unknown = JSON.parse(json);
  const hidden = hide(told);
  return hidden === told ? json : JSON.stringify(hidden);
}

function hiddenWhole(whole: WholeSpan, hide: Hide): WholeSpan {
  const within = <T extends { readonly attributes: unknown }>(one: T): T => ({
    ...one,
    attributes: hide(one.attributes),
  });
  return { ...within(whole), events: whole.events.map(within), links: whole.links.map(within) };
}

import type { UserHeaders } from './user-headers.ts';

/** What comes before the name of a request's header in the attribute that holds it. */
const HEADER = 'http.request.header.';
/** Names by which tools other than OpenTelemetry's conventions say who it was. */
const OTHER_NAMES: ReadonlySet<string> = new Set([
  'traceloop.association.properties.user_id',
  'ai.telemetry.metadata.userid',
  'ai.telemetry.metadata.user_id',
  'langfuse.user.id',
]);
/** `user.email`, `enduser.id`, `baggage.user.id`, and whatever else the conventions come to tell of a user. */
const OF_USER = /^(?:baggage\.)?(?:end)?user\.(?<of>.+)$/;
/** What many have in common, and tells nobody apart. */
const SHARED: ReadonlySet<string> = new Set(['department', 'role', 'roles', 'scope']);

/** The attributes that hold a trusted header, if there is one. Older instrumentations write `_` for `-`. */
export function headerAttributes(name: string | null | undefined): string[] {
  if (name === null || name === undefined) return [];
  return [`${HEADER}${name}`, `${HEADER}${name.replaceAll('-', '_')}`];
}

/** Whether an attribute's value tells one person from others. */
export type IsUserAttribute = (name: string) => boolean;

/** @param headers those that say who a request is for. */
export function userAttributes(headers: UserHeaders | null): IsUserAttribute {
  const ofHeader = new Set(headerAttributes(headers?.email));
  return (name) => {
    const lower = name.toLowerCase();
    if (ofHeader.has(lower) || OTHER_NAMES.has(lower)) return true;
    const of = OF_USER.exec(lower)?.groups?.['of'];
    return of !== undefined && !SHARED.has(of);
  };
}

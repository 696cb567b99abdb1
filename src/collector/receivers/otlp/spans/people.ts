import type { UserHeaders } from '../../../../core/user-headers.ts';
import { headerAttributes } from '../../../../core/user-headers.ts';
import { DIALECT_KEYS } from '../dialects/index.ts';
import { type Aliases, copyOf, firstOf } from '../dialects/values.ts';
import type { OtlpAttributes } from '../model.ts';

/** Who work was for, as far as one span tells. */
export interface Person {
  readonly userEmail: string | null;
  readonly department: string | null;
}

export const NOBODY: Person = { userEmail: null, department: null };

/** The widths of the columns they are stored in. */
const USER_CHARS_MAX = 255;
const DEPARTMENT_CHARS_MAX = 50;

/** An address tells people apart best; then what is an id for a user of the app. */
const USER: Aliases = [
  'user.email',
  'enduser.email',
  'baggage.user.email',
  'enduser.id',
  'user.id',
  'baggage.user.id',
  'traceloop.association.properties.user_id',
  'ai.telemetry.metadata.userId',
  'ai.telemetry.metadata.user_id',
  'langfuse.user.id',
];
const DEPARTMENT: Aliases = [
  'user.department',
  'enduser.department',
  'department',
  'nervecenter.department',
  'baggage.user.department',
  'baggage.department',
  'traceloop.association.properties.department',
  'ai.telemetry.metadata.department',
];

/** The attributes of spans that events are made of; whoever decodes spans can skip over all others. */
export function wantedKeys(headers: UserHeaders | null): ReadonlySet<string> {
  const trusted = [headers?.email, headers?.department].flatMap(headerAttributes);
  return new Set([...DIALECT_KEYS, ...USER, ...DEPARTMENT, ...trusted]);
}

/** As attributes that say so. */
export function attributesFor({ userEmail, department }: Person): OtlpAttributes {
  return {
    ...(userEmail !== null && { 'user.email': userEmail }),
    ...(department !== null && { 'user.department': department }),
  };
}

/** Reads whom a span's work was for. */
export class People {
  readonly #user: Aliases;
  readonly #department: Aliases;

  /** @param headers those that say so, `null`: none is trusted. */
  constructor(headers: UserHeaders | null) {
    this.#user = [...USER, ...headerAttributes(headers?.email)];
    this.#department = [...DEPARTMENT, ...headerAttributes(headers?.department)];
  }

  /** `null` where the attributes tell nothing. */
  in(attributes: OtlpAttributes): Person | null {
    const userEmail = lineOf(attributes, this.#user, USER_CHARS_MAX);
    const department = lineOf(attributes, this.#department, DEPARTMENT_CHARS_MAX);
    return userEmail === null && department === null ? null : { userEmail, department };
  }
}

function lineOf(attributes: OtlpAttributes, aliases: Aliases, charsMax: number): string | null {
  for (const key of aliases) {
    const given = attributes[key];
    if (given === undefined) continue;
    const value = firstOf(given);
    const line = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
    if (line !== '') return copyOf(line, charsMax).toWellFormed();
  }
  return null;
}

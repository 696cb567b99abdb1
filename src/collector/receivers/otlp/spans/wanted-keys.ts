import type { UserHeaders } from '../../../../core/user-headers.ts';
import { DIALECT_KEYS } from '../dialects/index.ts';
import { headerKeys, PEOPLE_KEYS } from './people.ts';

/** The attributes of spans that events are made of; whoever decodes spans can skip over all others. */
export function wantedKeys(headers: UserHeaders | null): ReadonlySet<string> {
  return new Set([...DIALECT_KEYS, ...PEOPLE_KEYS, ...headerKeys(headers)]);
}

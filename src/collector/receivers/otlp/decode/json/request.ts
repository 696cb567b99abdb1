import type { OtlpResource, OtlpScope } from '../../model.ts';
import { DecodeError } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { NAME_BYTES_MAX } from '../limits.ts';
import { RequestBounds } from '../request-bounds.ts';
import { each, type Fields, objectIn, objectOf, read, textIn } from './fields.ts';
import { attributesOf } from './values.ts';

/** What a record belongs to. */
export interface Surroundings {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
}

/** The fields that hold one another. */
interface Levels {
  readonly resources: string;
  readonly scopes: string;
  readonly records: string;
}

/**
 * Walks an `Export…ServiceRequest` in JSON: the three signals have the same two levels above their records. `record` is called
 * for each within the bound.
 *
 * @throws DecodeError with the place of what is wrong.
 */
export function walkJson(
  body: Buffer,
  levels: Levels,
  leftOut: LeftOut,
  record: (fields: Fields, surroundings: Surroundings) => void,
): void {
  const bounds = new RequestBounds(leftOut);
  each(objectOf(parsed(body)), levels.resources, (item) => {
    bounds.resource();
    const holder = objectOf(item);
    const attributes = read(holder, 'resource', (resource) => attributesOf(objectOf(resource), leftOut));
    const resource = { attributes: attributes ?? attributesOf({}, leftOut) };
    each(holder, levels.scopes, (scoped) => {
      bounds.scope();
      const inner = objectOf(scoped);
      const surroundings = { resource, scope: scopeOf(inner) };
      each(inner, levels.records, (one) => {
        if (bounds.record()) record(objectOf(one), surroundings);
      });
    });
  });
}

function scopeOf(fields: Fields): OtlpScope {
  const scope = objectIn(fields, 'scope') ?? {};
  return { name: textIn(scope, 'name', NAME_BYTES_MAX), version: textIn(scope, 'version', NAME_BYTES_MAX) };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?') : '';
    throw new DecodeError(`expected JSON (${reason})`);
  }
}

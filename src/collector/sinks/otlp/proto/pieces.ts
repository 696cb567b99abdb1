import { REQUEST_BYTES_MAX, REQUEST_ITEMS_MAX } from '../request-bounds.ts';
import { contentsOf, DELIMITED, delimited, fieldsOf } from './wire.ts';

/** A request of its own, with a part of the records of another. */
export interface Piece {
  readonly records: number;
  /** In protobuf. */
  readonly body: Buffer;
}

/** What of a request is wanted. */
export interface Selection {
  /** @param service what the resource says, `null` where it names none. */
  readonly service: (service: string | null) => boolean;
  readonly record: (record: Buffer) => boolean;
}

/**
 * A resource or a scope that is larger stays with all of its records in one piece, for it would come again with each: its sender
 * has sent as much at once.
 */
const REPEATED_BYTES_MAX = REQUEST_BYTES_MAX / 2;

/** Numbers of fields, the same for spans and log records: a request holds resources, those scopes, those records. */
const RESOURCES = 1;
const RESOURCE = 1;
const SCOPES = 2;
const RECORDS = 2;
const ATTRIBUTES = 1;
const KEY = 1;
const VALUE = 2;
const STRING_VALUE = 1;
const SERVICE_NAME = 'service.name';

/** Whether a request is one piece as it is. */
export function isOnePiece(body: Buffer, records: number): boolean {
  return body.length <= REQUEST_BYTES_MAX && records <= REQUEST_ITEMS_MAX;
}

/**
 * The records of a request that are wanted, their bytes as they came, under their resources and scopes as they came.
 *
 * @throws RangeError when the request is none.
 */
export function piecesOf(body: Buffer, wanted: Selection): Piece[] {
  const builder = new PieceBuilder();
  for (const resource of contentsOf(body, RESOURCES)) {
    if (!wanted.service(serviceOf(resource))) continue;
    const around = allBut(resource, SCOPES);
    for (const scope of contentsOf(resource, SCOPES)) {
      const inner = allBut(scope, RECORDS);
      for (const field of fieldsOf(scope)) {
        if (field.number !== RECORDS || field.type !== DELIMITED) continue;
        if (!wanted.record(scope.subarray(field.from, field.end))) continue;
        builder.add(scope.subarray(field.start, field.end), around, inner);
      }
    }
  }
  return builder.end();
}

/** What stands around records: a resource or a scope without what is in it. */
interface Around {
  readonly fields: readonly Uint8Array[];
  readonly bytes: number;
}

/** Records under one scope of one resource. */
interface Group {
  readonly resource: Around;
  readonly scope: Around;
  readonly records: Uint8Array[];
}

/** Fills pieces. What comes again at the head of a piece counts in none, so that it makes no piece smaller than another. */
class PieceBuilder {
  readonly #pieces: Piece[] = [];
  #groups: Group[] = [];
  #last: Group | null = null;
  #records = 0;
  #bytes = 0;

  add(record: Uint8Array, resource: Around, scope: Around): void {
    const [sameResource, sameScope] = [this.#last?.resource === resource, this.#last?.scope === scope];
    const bytes = record.length + (sameResource ? 0 : resource.bytes) + (sameScope ? 0 : scope.bytes);
    const staysWith = (sameResource && isLarge(resource)) || (sameScope && isLarge(scope));
    const isFull = this.#records >= REQUEST_ITEMS_MAX || this.#bytes + bytes > REQUEST_BYTES_MAX;
    if (isFull && !staysWith) this.#close();
    this.#groupOf(resource, scope).records.push(record);
    this.#records++;
    this.#bytes += bytes;
  }

  end(): Piece[] {
    this.#close();
    return this.#pieces;
  }

  #groupOf(resource: Around, scope: Around): Group {
    const last = this.#groups.at(-1);
    if (last?.resource === resource && last.scope === scope) return last;
    const group = { resource, scope, records: [] };
    this.#groups.push(group);
    this.#last = group;
    return group;
  }

  #close(): void {
    if (this.#records === 0) return;
    const parts = resourcesOf(this.#groups).flatMap((groups) => {
      const scopes = groups.flatMap(({ scope, records }) => delimited(SCOPES, [...scope.fields, ...records]));
      return delimited(RESOURCES, [...(groups[0]?.resource.fields ?? []), ...scopes]);
    });
    this.#pieces.push({ records: this.#records, body: Buffer.concat(parts) });
    [this.#groups, this.#records, this.#bytes] = [[], 0, 0];
  }
}

function isLarge({ bytes }: Around): boolean {
  return bytes > REPEATED_BYTES_MAX;
}

/** Those of one resource stand together, as they came. */
function resourcesOf(groups: readonly Group[]): Group[][] {
  return [...Map.groupBy(groups, ({ resource }) => resource).values()];
}

/** Everything of a message but one field, what is not known included. */
function allBut(message: Buffer, number: number): Around {
  const fields = [...fieldsOf(message)]
    .filter((field) => field.number !== number)
    .map(({ start, end }) => message.subarray(start, end));
  return { fields, bytes: fields.reduce((sum, { length }) => sum + length, 0) };
}

function serviceOf(resources: Buffer): string | null {
  let service: string | null = null;
  for (const resource of contentsOf(resources, RESOURCE)) {
    for (const attribute of contentsOf(resource, ATTRIBUTES)) {
      if (textIn(attribute, KEY) !== SERVICE_NAME) continue;
      for (const value of contentsOf(attribute, VALUE)) service = textIn(value, STRING_VALUE) || null;
    }
  }
  return service;
}

/** A text in a field; empty where there is none. */
export function textIn(message: Buffer, number: number): string {
  let text = '';
  for (const content of contentsOf(message, number)) text = content.toString('utf8');
  return text;
}

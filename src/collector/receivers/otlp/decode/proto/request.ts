import type { OtlpResource, OtlpScope } from '../../model.ts';
import { placed } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { NAME_BYTES_MAX } from '../limits.ts';
import { RequestBounds } from '../request-bounds.ts';
import type { ProtoReader } from './reader.ts';
import { AttributeReading } from './values.ts';

/** What a record belongs to. */
export interface Surroundings {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
}

/** The fields that hold one another, as messages name them. */
export interface Levels {
  readonly resources: string;
  readonly scopes: string;
  readonly records: string;
}

/**
 * Walks an `Export…ServiceRequest`: the three signals have the same two levels above their records, with the same numbers of
 * fields. `record` is called with the reader at each record within the bound, and has to read or skip it.
 */
export class RequestWalk {
  readonly #reader: ProtoReader;
  readonly #levels: Levels;
  readonly #leftOut: LeftOut;
  readonly #bounds: RequestBounds;
  readonly #record: (surroundings: Surroundings) => void;
  /** Indexes of resource, scope and record. */
  readonly #at: [number, number, number] = [-1, -1, -1];

  constructor(
    reader: ProtoReader,
    levels: Levels,
    leftOut: LeftOut,
    record: (surroundings: Surroundings) => void,
  ) {
    this.#reader = reader;
    this.#levels = levels;
    this.#leftOut = leftOut;
    this.#bounds = new RequestBounds(leftOut);
    this.#record = record;
  }

  /** @throws DecodeError with the place of what is wrong. */
  walk(): void {
    try {
      this.#each(1, 0, () => this.#resource());
    } catch (error) {
      throw this.#placed(error);
    }
  }

  /** Messages of one field of the message that is being read. */
  #each(field: number, level: 0 | 1 | 2, read: () => void): void {
    const reader = this.#reader;
    for (let at = reader.field(); at !== 0; at = reader.field()) {
      if (at !== field) {
        reader.skip();
        continue;
      }
      this.#at[level]++;
      read();
      for (let below = level + 1; below < 3; below++) this.#at[below] = -1;
    }
  }

  /** `Resource…`: resource 1, scopes 2. Fields have no order, so what is shared is read first. */
  #resource(): void {
    this.#bounds.resource();
    const reader = this.#reader;
    const outer = reader.enter();
    const start = reader.position;
    const resource = { attributes: this.#resourceAttributes() };
    reader.select(start, reader.end);
    this.#each(2, 1, () => this.#scope(resource));
    reader.leave(outer);
  }

  /** `Scope…`: scope 1, records 2. */
  #scope(resource: OtlpResource): void {
    this.#bounds.scope();
    const reader = this.#reader;
    const outer = reader.enter();
    const start = reader.position;
    const surroundings = { resource, scope: this.#scopeName() };
    reader.select(start, reader.end);
    this.#each(2, 2, () => {
      if (this.#bounds.record()) this.#record(surroundings);
      else reader.delimited();
    });
    reader.leave(outer);
  }

  /** `Resource`: attributes 1. */
  #resourceAttributes(): OtlpResource['attributes'] {
    const reader = this.#reader;
    const reading = new AttributeReading(this.#leftOut);
    this.#first('resource', () => {
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 1) reading.read(reader);
        else reader.skip();
      }
    });
    return reading.attributes;
  }

  /** `InstrumentationScope`: name 1, version 2. */
  #scopeName(): OtlpScope {
    const reader = this.#reader;
    let [name, version] = ['', ''];
    this.#first('scope', () => {
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 1) name = reader.text(NAME_BYTES_MAX);
        else if (field === 2) version = reader.text(NAME_BYTES_MAX);
        else reader.skip();
      }
    });
    return { name, version };
  }

  /** Reads field 1 of a message wherever it is, and passes over the others. */
  #first(name: string, read: () => void): void {
    const reader = this.#reader;
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field !== 1) {
        reader.skip();
        continue;
      }
      try {
        const outer = reader.enter();
        read();
        reader.leave(outer);
      } catch (error) {
        throw placed(error, name);
      }
    }
  }

  #placed(error: unknown): unknown {
    const { resources, scopes, records } = this.#levels;
    const path = [resources, scopes, records].flatMap((name, level) => {
      const index = this.#at[level] ?? -1;
      return index < 0 ? [] : [`${name}[${index}]`];
    });
    return path.length === 0 ? error : placed(error, path.join('.'));
  }
}

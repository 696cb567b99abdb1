import type { NervecenterEvent } from '../../../../core/signals/index.ts';

export interface EventQueueOptions {
  readonly maxBytes: number;
  readonly maxEvents: number;
}

/** An object with its fields, two small strings and its place in the queue, as V8 holds them. */
const EVENT_BYTES = 256;
const FIELD_BYTES = 16;
const CHARACTER_BYTES = 2;
/** Taken slots are given back when there are this many and they are at least half of the array. */
const COMPACT_MIN = 1024;

/**
 * Events waiting for the database, in order. Bounded by an estimate of their bytes and by their number; past either bound
 * the oldest go, because what just happened is what an operator looks at.
 */
export class EventQueue {
  readonly #options: EventQueueOptions;
  #slots: (NervecenterEvent | undefined)[] = [];
  /** Of each slot's event: looking through it a second time takes as long as the first. */
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#slots.length - this.#head;
  }

  /** Estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How full it is, from 0 to 1. */
  get fullness(): number {
    return Math.max(this.#bytes / this.#options.maxBytes, this.length / this.#options.maxEvents);
  }

  /** Appends, then drops the oldest past the bound. Returns what was dropped. */
  push(events: readonly NervecenterEvent[]): readonly NervecenterEvent[] {
    for (const event of events) {
      const bytes = approximateBytes(event);
      this.#slots.push(event);
      this.#sizes.push(bytes);
      this.#bytes += bytes;
    }
    return this.#trim();
  }

  /** Takes up to `count` of the oldest; fewer, but one at least, once they have `bytesMax`. */
  take(count: number, bytesMax = Number.POSITIVE_INFINITY): NervecenterEvent[] {
    const taken: NervecenterEvent[] = [];
    const stopAt = this.#bytes - bytesMax;
    while (taken.length < count && (taken.length === 0 || this.#bytes > stopAt)) {
      const event = this.#shift();
      if (event === undefined) break;
      taken.push(event);
    }
    return taken;
  }

  #trim(): NervecenterEvent[] {
    const dropped: NervecenterEvent[] = [];
    while (this.#bytes > this.#options.maxBytes || this.length > this.#options.maxEvents) {
      const event = this.#shift();
      if (event === undefined) break;
      dropped.push(event);
    }
    return dropped;
  }

  #shift(): NervecenterEvent | undefined {
    const event = this.#slots[this.#head];
    if (event === undefined) return undefined;
    this.#bytes -= this.#sizes[this.#head] ?? 0;
    this.#slots[this.#head++] = undefined;
    if (this.#head >= COMPACT_MIN && this.#head * 2 >= this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
    return event;
  }
}

/** Memory an event holds, estimated from its text and its fields. */
export function approximateBytes(event: NervecenterEvent): number {
  return EVENT_BYTES + bytesOf(event, event?.sender);
}

/** @param shared what is not this value's alone: a batch's events have one sender. */
function bytesOf(value: unknown, shared?: object): number {
  if (typeof value === 'string') return FIELD_BYTES + value.length * CHARACTER_BYTES;
  if (typeof value !== 'object' || value === null) return FIELD_BYTES;
  let bytes = FIELD_BYTES;
  // Not `Object.values`, which would make an array for every event and every object in it.
  for (const name in value) {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    bytes += field === shared ? FIELD_BYTES : bytesOf(field);
  }
  return bytes;
}

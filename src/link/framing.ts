import { deserialize, serialize } from 'node:v8';
import { MIB } from '../core/units.ts';

/** A length prefix of 4 bytes, then the message as V8 serialises it: what a MessagePort does, on a byte stream. */
const PREFIX_BYTES = 4;
/** Batches are bounded to a few hundred events, so a longer message is a broken or foreign sender. */
export const MESSAGE_BYTES_MAX = 16 * MIB;

export function encodeMessage(message: unknown): Buffer {
  const body = serialize(message);
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + body.length);
  framed.writeUInt32BE(body.length, 0);
  body.copy(framed, PREFIX_BYTES);
  return framed;
}

/** A message, and of how many bytes it was made. */
export interface SizedMessage {
  readonly message: unknown;
  readonly bytes: number;
}

/** Puts messages together from chunks cut anywhere. */
export class MessageDecoder {
  /** Each more than twice as long as the next, so that they are few and no byte is copied often. */
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many of them there have to be to go on. */
  #wanted = PREFIX_BYTES;

  /** What there is of a message that has not come to its end. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /**
   * The messages completed by `chunk`.
   *
   * @throws Error when the stream is not one of ours: the link must be closed.
   */
  push(chunk: Buffer): unknown[] {
    return this.pushSized(chunk).map(({ message }) => message);
  }

  /** The same, with their sizes. */
  pushSized(chunk: Buffer): SizedMessage[] {
    this.#append(chunk);
    if (this.#bytes < this.#wanted) return [];
    const messages: SizedMessage[] = [];
    let pending = this.#takeAll();
    this.#wanted = PREFIX_BYTES;
    while (pending.length >= PREFIX_BYTES) {
      const length = pending.readUInt32BE(0);
      if (length > MESSAGE_BYTES_MAX)
        throw new Error(`message of ${length} bytes, at most ${MESSAGE_BYTES_MAX}`);
      const end = PREFIX_BYTES + length;
      this.#wanted = end;
      if (pending.length < end) break;
      messages.push({ message: deserialize(pending.subarray(PREFIX_BYTES, end)), bytes: end });
      pending = pending.subarray(end);
      this.#wanted = PREFIX_BYTES;
    }
    // A copy: what is left would keep all that was before it.
    if (pending.length > 0) this.#append(messages.length === 0 ? pending : Buffer.from(pending));
    return messages;
  }

  #append(chunk: Buffer): void {
    this.#bytes += chunk.length;
    let last = chunk;
    for (let before = this.#chunks.at(-1); before !== undefined; before = this.#chunks.at(-1)) {
      if (before.length > 2 * last.length) break;
      this.#chunks.pop();
      last = Buffer.concat([before, last]);
    }
    this.#chunks.push(last);
  }

  #takeAll(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const pending = all ?? Buffer.concat(this.#chunks);
    this.#chunks.length = 0;
    this.#bytes = 0;
    return pending;
  }
}

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

/** Puts messages together from chunks cut anywhere. */
export class MessageDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /**
   * The messages completed by `chunk`.
   *
   * @throws Error when the stream is not one of ours: the link must be closed.
   */
  push(chunk: Buffer): unknown[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const messages: unknown[] = [];
    while (this.#pending.length >= PREFIX_BYTES) {
      const length = this.#pending.readUInt32BE(0);
      if (length > MESSAGE_BYTES_MAX)
        throw new Error(`message of ${length} bytes, at most ${MESSAGE_BYTES_MAX}`);
      if (this.#pending.length < PREFIX_BYTES + length) break;
      messages.push(deserialize(this.#pending.subarray(PREFIX_BYTES, PREFIX_BYTES + length)));
      this.#pending = this.#pending.subarray(PREFIX_BYTES + length);
    }
    return messages;
  }
}

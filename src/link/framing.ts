import { deserialize, serialize } from 'node:v8';
import { MIB } from '../core/units.ts';
import { GatheredBytes } from '../platform/gathered-bytes.ts';

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
  readonly #pending = new GatheredBytes();

  /**
   * The messages completed by `chunk`.
   *
   * @throws Error when the stream is not one of ours: the link must be closed.
   */
  push(chunk: Buffer): unknown[] {
    this.#pending.add(chunk);
    const { bytes } = this.#pending;
    const messages: unknown[] = [];
    let at = 0;
    for (let end = endOfMessage(bytes, at); end !== -1; end = endOfMessage(bytes, at)) {
      messages.push(deserialize(bytes.subarray(at + PREFIX_BYTES, end)));
      at = end;
    }
    if (at > 0) {
      // Messages may be views of these bytes: what comes goes elsewhere.
      this.#pending.clear();
      if (at < bytes.length) this.#pending.add(Buffer.from(bytes.subarray(at)));
    }
    return messages;
  }
}

/** -1: it is not all there. */
function endOfMessage(bytes: Buffer, at: number): number {
  if (bytes.length - at < PREFIX_BYTES) return -1;
  const length = bytes.readUInt32BE(at);
  if (length > MESSAGE_BYTES_MAX) throw new Error(`message of ${length} bytes, at most ${MESSAGE_BYTES_MAX}`);
  const end = at + PREFIX_BYTES + length;
  return end <= bytes.length ? end : -1;
}

const FINAL_TEXT = 0x81;
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;

/** No message at all. */
export const NO_FRAME: Buffer = Buffer.alloc(0);

/**
 * The message that carries a snapshot, on every stream, as the bytes of its WebSocket frame: one text message, not masked,
 * as a server sends it (RFC 6455, section 5.2). To be written as it is to every viewer's connection.
 */
export function snapshotFrame(snapshotJson: string): Buffer {
  const message = `{"type":"metrics_snapshot","data":${snapshotJson}}`;
  const length = Buffer.byteLength(message);
  const header = headerOf(length);
  const frame = Buffer.allocUnsafeSlow(header.length + length);
  header.copy(frame);
  frame.write(message, header.length);
  return frame;
}

function headerOf(length: number): Buffer {
  if (length < LENGTH_IN_16_BITS) return Buffer.of(FINAL_TEXT, length);
  if (length < 2 ** 16) return Buffer.of(FINAL_TEXT, LENGTH_IN_16_BITS, length >>> 8, length & 0xff);
  const header = Buffer.alloc(10);
  header.set([FINAL_TEXT, LENGTH_IN_64_BITS]);
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

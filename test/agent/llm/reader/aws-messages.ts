import { crc32 } from 'node:zlib';

/** One message of `application/vnd.amazon.eventstream`. */
export function awsMessage(
  headers: Readonly<Record<string, string>>,
  payload: string | Buffer,
  firstHeaders: Buffer = Buffer.alloc(0),
): Buffer {
  const headerBytes = Buffer.concat([firstHeaders, ...Object.entries(headers).map(textHeader)]);
  const payloadBytes = Buffer.from(payload);
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(16 + headerBytes.length + payloadBytes.length, 0);
  prelude.writeUInt32BE(headerBytes.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const message = Buffer.concat([prelude, headerBytes, payloadBytes]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(message));
  return Buffer.concat([message, checksum]);
}

function textHeader([name, value]: readonly [string, string]): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([
    Buffer.from([Buffer.byteLength(name)]),
    Buffer.from(name),
    Buffer.from([7]),
    length,
    Buffer.from(value),
  ]);
}

const JSON_HEADERS = { ':content-type': 'application/json', ':message-type': 'event' };

/** An event as ConverseStream sends it. */
export const eventMessage = (type: string, payload: unknown): Buffer =>
  awsMessage({ ':event-type': type, ...JSON_HEADERS }, JSON.stringify(payload));

/** An event as InvokeModelWithResponseStream sends it: the model's JSON in base64, with padding of random length. */
export const chunkMessage = (event: unknown): Buffer =>
  awsMessage(
    { ':event-type': 'chunk', ...JSON_HEADERS },
    JSON.stringify({ bytes: Buffer.from(JSON.stringify(event)).toString('base64'), p: 'abcdefgh' }),
  );

/** A refusal in the middle of a stream. */
export const exceptionMessage = (type: string, payload: unknown): Buffer =>
  awsMessage(
    { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' },
    JSON.stringify(payload),
  );

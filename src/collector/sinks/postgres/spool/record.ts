import { crc32 } from 'node:zlib';
import { MIB } from '../../../../core/units.ts';
import type { Batch } from './batch.ts';

/** What a record says about itself, in front of its payload and again behind it. */
export interface RecordHeader {
  readonly payloadBytes: number;
  readonly payloadCrc: number;
  readonly rows: number;
  readonly writer: string;
  readonly seq: number;
}

/**
 * A record is a header, the batch's payload, and the header again: whichever single place is damaged, what was lost is
 * still known, and a damaged header loses nothing.
 */
export const START = Buffer.from('NCs1');
export const END = Buffer.from('NCe1');
export const HEADER_BYTES = 44;
/** Far above any batch: a length beyond it is damage. */
const PAYLOAD_BYTES_MAX = 64 * MIB;
const MAGIC_BYTES = 4;
const CRC_AT = HEADER_BYTES - 4;

export function recordBytes(payloadBytes: number): number {
  return payloadBytes + 2 * HEADER_BYTES;
}

/** The parts of a record, to be written one after the other. */
export function encodeRecord(batch: Batch): Buffer[] {
  const payloadCrc = crc32(batch.payload);
  return [header(START, batch, payloadCrc), batch.payload, header(END, batch, payloadCrc)];
}

function header(magic: Buffer, { payload, rows, seq, writer }: Batch, payloadCrc: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  magic.copy(bytes);
  bytes.writeUInt32BE(payload.length, 4);
  bytes.writeUInt32BE(payloadCrc, 8);
  bytes.writeUInt32BE(rows, 12);
  bytes.writeBigUInt64BE(BigInt(seq), 16);
  bytes.write(writer.replaceAll('-', ''), 24, 'hex');
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

/** The header at the beginning of these bytes, `null` when none is there. */
export function decodeHeader(bytes: Buffer, magic: Buffer): RecordHeader | null {
  if (bytes.length < HEADER_BYTES || bytes.compare(magic, 0, MAGIC_BYTES, 0, MAGIC_BYTES) !== 0) return null;
  if (crc32(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32BE(CRC_AT)) return null;
  const payloadBytes = bytes.readUInt32BE(4);
  if (payloadBytes > PAYLOAD_BYTES_MAX) return null;
  return {
    payloadBytes,
    payloadCrc: bytes.readUInt32BE(8),
    rows: bytes.readUInt32BE(12),
    seq: Number(bytes.readBigUInt64BE(16)),
    writer: uuidOf(bytes.toString('hex', 24, 40)),
  };
}

function uuidOf(hex: string): string {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join('-');
}

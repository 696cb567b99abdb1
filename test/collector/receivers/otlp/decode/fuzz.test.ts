import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, it } from 'vitest';
import { DecodeError } from '../../../../../src/collector/receivers/otlp/decode/decode-error.ts';
import type { Decoded } from '../../../../../src/collector/receivers/otlp/decode/decoder.ts';
import { DEPTH_MAX, RECORDS_MAX } from '../../../../../src/collector/receivers/otlp/decode/limits.ts';
import { InFlight } from '../../../../../src/collector/receivers/otlp/listen/in-flight.ts';
import { type Compression, inflate } from '../../../../../src/collector/receivers/otlp/listen/inflate.ts';
import { BODY_BYTES_MAX } from '../../../../../src/collector/receivers/otlp/listen/limits.ts';
import type { OtlpSignal } from '../../../../../src/collector/receivers/otlp/listen/statistics.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';
import { bytesLike, tryAll } from '../../../../support/fuzz/fuzzing.ts';
import { mutatedJson, type Random } from '../../../../support/fuzz/mutations.ts';
import { decode, type Json, protobufOf } from '../messages.ts';

const REASON_CHARS_MAX = 1000;
/** Inflating is zlib's, which has fuzzers of its own. */
const ZLIB_SHARE = 25;
/** A record, its attributes and values around one that is as deep as it may be. */
const NESTED_MAX = DEPTH_MAX + 8;

const EXAMPLES = (
  [
    ['traces', 'trace'],
    ['metrics', 'metrics'],
    ['logs', 'logs'],
    ['logs', 'events'],
  ] as const
).map(([signal, name]) => {
  const text = readFileSync(join(import.meta.dirname, '..', 'examples', `${name}.json`), 'utf8');
  const request = JSON.parse(text) as Json;
  return {
    signal,
    request,
    json: Buffer.from(JSON.stringify(request)),
    protobuf: protobufOf(signal, request),
  };
});
type Encoding = 'json' | 'protobuf';

/** What is wrong with it, or that it was accepted. */
function attempt(signal: OtlpSignal, body: Buffer, encoding: Encoding): string {
  let decoded: Decoded<object>;
  try {
    decoded = decode(signal, body, encoding);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    assert.ok(error.message !== '' && error.message.length <= REASON_CHARS_MAX, error.message);
    return 'refused';
  }
  const { records, rejected } = decoded;
  assert.ok(records.length <= Math.min(RECORDS_MAX, body.length), `${records.length} records`);
  assert.ok(rejected.message.length <= REASON_CHARS_MAX, rejected.message);
  for (const record of records) {
    const all = 'allAttributes' in record ? (record as { allAttributes(): object }).allAttributes() : {};
    assert.ok(depthOf([record, all]) <= NESTED_MAX);
  }
  return records.length > 0 ? 'accepted' : 'empty';
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('bodies that are not right', () => {
  for (const encoding of ['protobuf', 'json'] as const) {
    it(`in ${encoding} are accepted, in part at most, or refused with a reason`, async () => {
      await tryAll(
        (random) => {
          const { signal, [encoding]: body } = random.of(EXAMPLES);
          return { signal, body: bytesLike([body])(random) };
        },
        ({ signal, body }) => attempt(signal, body, encoding),
        { reached: ['refused', 'accepted'] },
      );
    });
  }

  it('in JSON of the right form with wrong values are accepted, in part at most, or refused with a reason', async () => {
    await tryAll(
      (random) => {
        const { signal, request } = random.of(EXAMPLES);
        return { signal, body: Buffer.from(JSON.stringify(mutatedJson(request, random))) };
      },
      ({ signal, body }) => attempt(signal, body, 'json'),
      { reached: ['refused', 'accepted'] },
    );
  });
});

describe('compressed bodies that are not right', () => {
  const COMPRESSED: Readonly<Record<Compression, readonly Buffer[]>> = {
    gzip: EXAMPLES.map(({ json }) => gzipSync(json)),
    'x-gzip': EXAMPLES.map(({ protobuf }) => gzipSync(protobuf, { level: 0 })),
    zstd: EXAMPLES.flatMap(({ json, protobuf }) => [zstdCompressSync(json), zstdCompressSync(protobuf)]),
  };
  const anyBody = (random: Random) => {
    const compression = random.of(['gzip', 'x-gzip', 'zstd'] as const);
    return { compression, body: bytesLike(COMPRESSED[compression])(random) };
  };

  it('are inflated within bounds, or refused with a reason', async () => {
    const inFlight = new InFlight(2 * BODY_BYTES_MAX);
    await tryAll(
      anyBody,
      async ({ compression, body }) => {
        const share = inFlight.share();
        try {
          const bytes = await inflate(body, compression, share);
          assert.ok(bytes.length <= BODY_BYTES_MAX);
          return 'inflated';
        } catch (error) {
          if (!(error instanceof NervecenterError)) throw error;
          assert.ok(['NC_BAD_REQUEST', 'NC_PAYLOAD_TOO_LARGE', 'NC_OVERLOADED'].includes(error.code));
          assert.ok(error.message.length <= REASON_CHARS_MAX);
          return 'refused';
        } finally {
          share.release();
        }
      },
      { reached: ['inflated', 'refused'], share: ZLIB_SHARE },
    );
    assert.equal(inFlight.bytes, 0);
  });
});

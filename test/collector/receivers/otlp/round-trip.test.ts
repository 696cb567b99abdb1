import assert from 'node:assert/strict';
import fc from 'fast-check';
import { it } from 'vitest';
import { ANY_REQUEST } from './any-request.ts';
import { decode, plain, protobufOf } from './messages.ts';

const RUNS = 300;

for (const signal of ['traces', 'metrics', 'logs'] as const) {
  it(`whatever is sent is read the same from JSON and from what protobufjs makes of it: ${signal}`, () => {
    fc.assert(
      fc.property(ANY_REQUEST[signal], (sent) => {
        const json = decode(signal, Buffer.from(JSON.stringify(sent)), 'json');
        const protobuf = decode(signal, protobufOf(signal, sent), 'protobuf');
        assert.deepEqual(plain(protobuf.records), plain(json.records));
        assert.deepEqual(protobuf.rejected, json.rejected);
      }),
      { numRuns: RUNS },
    );
  });
}

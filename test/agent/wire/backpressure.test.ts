import assert from 'node:assert/strict';
import { test } from 'vitest';
import { MIB } from '../../../src/core/units.ts';
import { until } from '../../support/poll.ts';
import { type Client, fetchClient, http2Client, httpClient } from './clients.ts';
import { recordWire } from './recording-wire.ts';
import { startScenarios } from './scenario-server.ts';

/** Far above what the kernel's buffers and the streams' own take, far below an endless answer. */
const HELD_BYTES_MAX = 24 * MIB;
const STILL_POLLS = 20;

const CLIENTS: Readonly<Record<string, (origin: string) => Client>> = {
  fetch: fetchClient,
  'node:http': httpClient,
  'node:http2': http2Client,
};

for (const [name, create] of Object.entries(CLIENTS)) {
  test(`a reader that does not read stops the server, ${name}`, async () => {
    const server = await startScenarios(create('').protocol);
    const client = create(server.url);
    const recorded = recordWire();
    try {
      const response = await client.open(`${server.url}/observed/endless`);
      await response.first();
      let bytes = 0;
      let still = 0;
      await until(() => {
        still = server.endless.waits && server.endless.bytes === bytes ? still + 1 : 0;
        bytes = server.endless.bytes;
        return still >= STILL_POLLS;
      });
      assert.ok(bytes < HELD_BYTES_MAX, `the server could write ${bytes} bytes`);
      const [exchange] = recorded.exchanges;
      assert.ok(exchange && exchange.receivedBytes <= bytes && exchange.receivedBytes < 2 * MIB);
      response.drop();
      await until(() => exchange.ends.length === 1);
      assert.deepEqual(exchange.ends, ['aborted aborted']);
    } finally {
      recorded.stop();
      client.close();
      await server.close();
    }
  });
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from 'vitest';
import { MIB } from '../../../src/core/units.ts';

const APP = new URL('./memory-app.ts', import.meta.url).pathname;
const CALLS = 1000;
/** A leak of one buffer or stream per call would be several times as much. */
const GROWTH_BYTES_MAX = MIB;

for (const client of ['fetch', 'http', 'http2']) {
  test(`memory stays flat over many calls, ${client}`, async () => {
    const args = ['--expose-gc', '--no-warnings', APP, client, String(CALLS)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { events, growthBytes } = JSON.parse(stdout);
    assert.equal(events, CALLS);
    assert.ok(growthBytes < GROWTH_BYTES_MAX, `${growthBytes} bytes after ${CALLS} calls`);
  });
}

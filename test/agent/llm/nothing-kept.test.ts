import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';

interface Held {
  /** Bytes of strings with the marker, and of what they are cut from. */
  readonly bytes: number;
  readonly strings: number;
}

test('of a call at most 64 KiB of its text are held at any time, and nothing once it is over, though its event waits', async () => {
  const script = join(import.meta.dirname, 'fixtures', 'hold-calls.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script], {
    timeout: 100_000,
  });
  const held = JSON.parse(stdout) as Record<string, Held>;
  assert.ok((held['control']?.bytes ?? 0) > 0, 'the search finds what is there');
  for (const kind of ['json', 'long key', 'stream', 'long event', 'one long line']) {
    const bytes = held[kind]?.bytes;
    assert.ok(bytes !== undefined && bytes <= 64 * 1024, `${kind}: ${bytes} bytes during the call`);
  }
  assert.deepEqual(held['over'], { bytes: 0, strings: 0, waiting: 6 });
  assert.deepEqual(held['afterwards'], { bytes: 0, strings: 0, events: 6 });
});

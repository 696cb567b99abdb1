import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'vitest';

const DIST = join(import.meta.dirname, '..', '..', 'dist');
const IMPORT = /^(?:import|export)(?: .* from)? "(\.{1,2}\/[^"]+)";$/gm;

/** The files of the build that are loaded with one of them, itself included. */
function loadedWith(entry: string): string[] {
  const files = new Set([join(DIST, entry)]);
  for (const file of files)
    for (const [, imported = ''] of readFileSync(file, 'utf8').matchAll(IMPORT))
      files.add(join(dirname(file), imported));
  return [...files].map((file) => file.slice(DIST.length + 1));
}

describe('the pieces of the build', () => {
  it('of the agent are few, because each costs the start of an app', () => {
    const files = loadedWith('preload.js');
    assert.ok(files.some((file) => /^chunks\/agent-/.test(file)));
    assert.ok(files.length <= 12, files.join(' '));
  });

  for (const entry of ['otel.js', 'index.js', 'client/index.js']) {
    it(`that ${entry} loads, in any version of Node or in a browser, are none of the agent's`, () => {
      const files = loadedWith(entry);
      assert.ok(files.length > 1);
      assert.deepEqual(
        files.filter((file) => /^chunks\/(agent|shared)-/.test(file)),
        [],
      );
    });
  }
});

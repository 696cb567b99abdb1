import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { nodeTooOld } from '../../src/platform/node-version.ts';

test('an older Node is told what it lacks, the floor of package.json and newer ones are taken', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly engines: { readonly node: string };
  };
  const floor = engines.node.replace(/^>=\s*/, '');
  for (const version of [`${floor}.0`, '22.16.1', '24.0.0', '25.1.0-nightly'])
    assert.equal(nodeTooOld(version), null, version);
  for (const version of ['22.14.0', '20.20.2', '18.0.0']) {
    assert.equal(nodeTooOld(version), `it needs Node ${floor} or later, this is ${version}`);
  }
});

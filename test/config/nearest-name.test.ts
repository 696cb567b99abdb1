import assert from 'node:assert/strict';
import { test } from 'vitest';
import { nearestName } from '../../src/config/nearest-name.ts';

const NAMES = ['NERVECENTER_PORT', 'NERVECENTER_PRICES', 'NERVECENTER_DATA_DIR'];

for (const [text, meant] of [
  ['NERVECENTER_PROT', 'NERVECENTER_PORT'],
  ['NERVECENTER_PRICE', 'NERVECENTER_PRICES'],
  ['NERVECENTER_DATADIR', 'NERVECENTER_DATA_DIR'],
  ['NERVECENTER_PORT', 'NERVECENTER_PORT'],
  ['NERVECENTER_SOMETHING_ELSE', null],
  [`NERVECENTER_PORT${'X'.repeat(10_000)}`, null],
  ['', null],
] as const) {
  test(`"${text.slice(0, 40)}" is meant as ${meant}`, () => assert.equal(nearestName(text, NAMES), meant));
}

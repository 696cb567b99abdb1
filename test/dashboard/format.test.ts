import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import * as format from '../../dashboards/web/src/format.ts';

describe('formats', () => {
  const cases: readonly (readonly [string, string])[] = [
    [format.cost(1.23), '$1.23'],
    [format.cost(0.005), '0.50¢'],
    [format.cost(0.01), '$0.01'],
    [format.cost(0), '0.00¢'],
    [format.cost(12_345.678), '$12,345.68'],
    [format.counted(1, 'call'), '1 call'],
    [format.counted(1200, 'call'), '1,200 calls'],
    [format.tokens(999), '999'],
    [format.tokens(1500), '1.5K'],
    [format.tokens(999_999), '1.0M'],
    [format.tokens(41_208_113), '41.2M'],
    [format.tokens(2_500_000_000), '2.5B'],
    [format.uptime(0), '0h 0m'],
    [format.uptime(3_725), '1h 2m'],
    [format.uptime(98_712), '27h 25m'],
    [format.bytes(512), '512 B'],
    [format.bytes(1536), '1.5 KB'],
    [format.bytes(1024 ** 3 - 1), '1.0 GB'],
    [format.milliseconds(0), '0'],
    [format.milliseconds(0.84), '0.8'],
    [format.milliseconds(9.96), '10'],
    [format.milliseconds(1234.5), '1,235'],
    [format.duration(-5), '0 s'],
    [format.duration(12_400), '12 s'],
    [format.duration(240_000), '4 min'],
    [format.duration(7 * 3_600_000), '7 h'],
    [format.name('x'.repeat(100_000)), `${'x'.repeat(200)}…`],
  ];
  for (const [actual, expected] of cases) {
    test(expected.slice(0, 20), () => assert.equal(actual, expected));
  }
});

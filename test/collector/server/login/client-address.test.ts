import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'vitest';
import { ClientAddresses } from '../../../../src/collector/server/login/client-address.ts';

const PROXY = '10.0.0.1';

function clientOf(
  headers: Readonly<Record<string, string>>,
  { trusted = ['10.0.0.0/8', 'fd00::/8'], peer = PROXY } = {},
): string {
  const socket = { remoteAddress: peer } as IncomingMessage['socket'];
  return new ClientAddresses(trusted).of({ socket, headers });
}
const listed = (value: string) => clientOf({ 'x-forwarded-for': value });
const forwarded = (value: string) => clientOf({ forwarded: value });

describe('who asks', () => {
  it('is the peer where no proxy is trusted, or where another one says something', () => {
    const headers = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' };
    assert.equal(clientOf(headers, { trusted: [] }), PROXY);
    assert.equal(clientOf(headers, { peer: '198.51.100.7' }), '198.51.100.7');
    assert.equal(clientOf(headers, { peer: '::ffff:10.0.0.1' }), '192.0.2.1');
    assert.equal(clientOf({}), PROXY);
  });

  for (const [value, client] of [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1, 10.9.9.9,fd00::2', '192.0.2.1'],
    ['10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['192.0.2.1, unknown, 10.2.2.2', '10.2.2.2'],
    ['192.0.2.1, 1.2.3.4.5', PROXY],
    ['192.0.2.1, 0x7f.1', PROXY],
    ['192.0.2.1,', PROXY],
    ['', PROXY],
    ['localhost', PROXY],
    ['192.0.2.1 203.0.113.9', PROXY],
    [`${'203.0.113.9, '.repeat(1000)}192.0.2.1`, '192.0.2.1'],
  ] as const) {
    it(`is ${client} for X-Forwarded-For: ${value.slice(0, 50)}`, () => assert.equal(listed(value), client));
  }

  for (const [value, client] of [
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="192.0.2.1:4711";proto=https;by=10.0.0.1', '192.0.2.1'],
    ['for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['proto=https;for=203.0.113.9, for=192.0.2.1;host="a,b;for=203.0.113.7"', '192.0.2.1'],
    ['for=192.0.2.1 , for=10.2.2.2', '192.0.2.1'],
    ['for=192.0.2.1, for=_hidden', PROXY],
    ['for=192.0.2.1, for=unknown, for=10.2.2.2', '10.2.2.2'],
    ['for=192.0.2.1, proto=https', PROXY],
    ['for=192.0.2.1;for=203.0.113.9', PROXY],
    ['for="192.0.2.1', PROXY],
    ['for=192.0.2.1;', PROXY],
    ['for=192.0.2.1 for=203.0.113.9', PROXY],
    ['for=', PROXY],
    ['192.0.2.1', PROXY],
    ['', PROXY],
    [`${'for=203.0.113.9, '.repeat(500)}for=192.0.2.1`, '192.0.2.1'],
  ] as const) {
    it(`is ${client} for Forwarded: ${value.slice(0, 50)}`, () => assert.equal(forwarded(value), client));
  }

  it('is the proxy where its two headers disagree: one of them is the client’s', () => {
    const both = (one: string, other: string) =>
      clientOf({ 'x-forwarded-for': one, forwarded: `for=${other}` });
    assert.equal(both('192.0.2.1', '192.0.2.1'), '192.0.2.1');
    assert.equal(both('192.0.2.1', '203.0.113.9'), PROXY);
  });
});

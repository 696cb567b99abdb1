import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WebhookPolicy } from '../../../src/collector/alerts/webhook-policy.ts';
import { readConfig } from '../../../src/config/config.ts';

const policyOf = (hosts = '') =>
  new WebhookPolicy(readConfig({ NERVECENTER_WEBHOOK_HOSTS: hosts }, '/').webhookHosts);
const URL_OF_A_NAME = new URL('https://hooks.example.com/x');

/** An address of each kind that must not be reached, and some beside it that may. */
const KINDS: readonly (readonly [kind: string, refused: readonly string[], admitted?: readonly string[]])[] =
  [
    ['this host', ['0.0.0.0', '0.1.2.3', '::'], ['1.0.0.0']],
    ['loopback', ['127.0.0.1', '127.255.255.255', '::1'], ['126.255.255.255', '128.0.0.1']],
    ['private', ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.255.1']],
    ['beside private', [], ['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255']],
    ['behind a carrier', ['100.64.0.0', '100.127.255.255', '100.100.100.200'], ['100.63.0.1', '100.128.0.0']],
    ['link-local', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0'], ['169.253.0.1']],
    ['of clouds', ['168.63.129.16', '192.0.0.192', 'fd00:ec2::254'], ['168.63.129.17']],
    ['unique-local and site-local', ['fc00::1', 'fdff::1', 'fec0::1']],
    ['multicast and reserved', ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1']],
    ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.9', '2001:db8::1', '3fff::1', '198.18.0.1']],
    ['carrying IPv4: Teredo, 6to4, compatible', ['2001::1', '2002:7f00:1::1', '192.88.99.1', '::127.0.0.1']],
    [
      'mapped',
      ['::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:10.0.0.1', '::ffff:a9fe:a9fe'],
      ['::ffff:8.8.8.8'],
    ],
    ['NAT64', ['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b::10.1.2.3'], ['64:ff9b::8.8.8.8']],
    ['NAT64 of a network', ['64:ff9b:1::1', '100::1', '4000::1'], ['2606:4700:4700::1111', '2a00::1']],
    ['no address', ['', 'localhost', '127.1', '1.2.3.4.5', '8.8.8.8 ']],
  ];

describe('where messages of alerts may go', () => {
  for (const [kind, refused, admitted = []] of KINDS) {
    it(`is the Internet: ${kind}`, () => {
      const policy = policyOf();
      assert.deepEqual(
        refused.filter((address) => policy.admits(URL_OF_A_NAME, address)),
        [],
      );
      assert.deepEqual(
        admitted.filter((address) => !policy.admits(URL_OF_A_NAME, address)),
        [],
      );
    });
  }

  it('is a name that the setting has, wherever it leads, and no other one', () => {
    const policy = policyOf('hooks.internal, other:8080');
    const admits = (url: string) => policy.admits(new URL(url), '10.0.0.1');
    for (const url of ['http://hooks.internal/', 'https://HOOKS.internal:8443/x', 'http://hooks.internal./'])
      assert.equal(admits(url), true, url);
    assert.equal(admits('http://other:8080/'), true);
    for (const url of ['http://other/', 'http://x.hooks.internal/', 'http://hooks.internal.example.com/'])
      assert.equal(admits(url), false, url);
  });

  it('is an address or a network that the setting has, by whatever name', () => {
    const policy = policyOf('10.1.0.0/16, 127.0.0.1:9000, fd00:1::/32, [::1]:443');
    const admits = (url: string, address: string) => policy.admits(new URL(url), address);
    assert.equal(admits('http://a.example.com/', '10.1.255.1'), true);
    assert.equal(admits('http://a.example.com/', '::ffff:10.1.0.1'), true);
    assert.equal(admits('http://a.example.com/', '10.2.0.1'), false);
    assert.equal(admits('http://127.0.0.1:9000/', '127.0.0.1'), true);
    assert.equal(admits('http://127.0.0.1:9001/', '127.0.0.1'), false);
    assert.equal(admits('http://a.example.com/', 'fd00:1::5'), true);
    assert.equal(admits('http://a.example.com/', 'fd00:2::5'), false);
    assert.equal(admits('https://a.example.com/', '::1'), true, 'the default port of https');
    assert.equal(admits('http://a.example.com/', '::1'), false);
  });
});

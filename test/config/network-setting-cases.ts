import type { SettingCase } from './setting-cases.ts';

/** Settings of who is reached, and by what. */
export const NETWORK_SETTING_CASES: readonly SettingCase[] = [
  {
    name: 'NERVECENTER_ALLOWED_HOSTS',
    field: 'allowedHosts',
    fallback: [],
    good: [
      ['Admin.Example.com, b.example.com', ['admin.example.com', 'b.example.com']],
      ['bücher.example, 10.0.0.7, nc_1', ['xn--bcher-kva.example', '10.0.0.7', 'nc_1']],
    ],
    bad: [
      'https://a.example',
      'a.example:9464',
      'a.example:80',
      'a.example.',
      '*.a.example',
      'a.example/b',
      'a b',
    ],
    expectation: /host names without scheme and port, such as metrics\.example\.com/,
  },
  {
    name: 'NERVECENTER_ALLOWED_ORIGINS',
    field: 'allowedOrigins',
    fallback: [],
    good: [
      ['https://Admin.example.com', ['https://admin.example.com']],
      ['https://a.example.com:443/path, http://b:8080', ['https://a.example.com', 'http://b:8080']],
    ],
    bad: ['admin.example.com', 'null', 'file:///etc', 'https://'],
    expectation: /origins such as https:\/\/admin\.example\.com/,
  },
  ...['NERVECENTER_TLS_CERT', 'NERVECENTER_TLS_KEY'].map((name) => ({
    name,
    field: 'tls' as const,
    fallback: null,
    // One is nothing without the other.
    good: [],
    bad: [],
  })),
  {
    name: 'NERVECENTER_WEBHOOK_HOSTS',
    field: 'webhookHosts',
    fallback: [],
    good: [
      [
        'Hooks.Internal., b:8080,10.0.0.5, 10.0.0.6:443',
        [
          { host: 'hooks.internal', prefix: null, port: null },
          { host: 'b', prefix: null, port: 8080 },
          { host: '10.0.0.5', prefix: 32, port: null },
          { host: '10.0.0.6', prefix: 32, port: 443 },
        ],
      ],
      [
        '10.0.0.0/8,FD00::/8,fd00::1,[fd00::2]:80,127.1',
        [
          { host: '10.0.0.0', prefix: 8, port: null },
          { host: 'fd00::', prefix: 8, port: null },
          { host: 'fd00::1', prefix: 128, port: null },
          { host: 'fd00::2', prefix: 128, port: 80 },
          { host: '127.0.0.1', prefix: 32, port: null },
        ],
      ],
    ],
    bad: [
      'http://hooks.internal',
      'a/b',
      '*.internal',
      'user@host',
      'host:0',
      'host:65536',
      'host:',
      '10.0.0.0/33',
      'fd00::/129',
      '10.0.0/8',
      '[::1',
      '300.0.0.1',
    ],
    expectation: /hosts such as hooks\.internal or 10\.0\.0\.5:8080, or networks such as 10\.0\.0\.0\/8/,
  },
  {
    name: 'NERVECENTER_TRUSTED_PROXY',
    field: 'trustedProxies',
    fallback: [],
    good: [['10.0.0.0/8, fd00::/8,::1', ['10.0.0.0/8', 'fd00::/8', '::1']]],
    bad: ['a.example.com', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '::1/129', 'fe80::1%eth0', '1.2.3.4:80'],
    expectation: /addresses or networks such as 10\.0\.0\.7/,
  },
];

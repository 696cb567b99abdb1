import type { SettingCase } from './setting-cases.ts';

const LONG = 'a'.repeat(16);

/** The settings of OTLP's listeners. */
export const OTLP_SETTING_CASES: readonly SettingCase[] = [
  ...['OTLP_PORT', 'OTLP_GRPC_PORT'].map(
    (name): SettingCase => ({
      name: `NERVECENTER_${name}`,
      field: name === 'OTLP_PORT' ? 'otlpPort' : 'otlpGrpcPort',
      fallback: null,
      good: [
        ['0', 0],
        [' 4318 ', 4318],
        ['65535', 65_535],
        ['off', 'off'],
        ['OFF', 'off'],
      ],
      bad: ['-1', '65536', '1.5', 'on', '0x10', '127.0.0.1:4318'],
      expectation: /a whole number from 0 to 65535, or off/,
    }),
  ),
  {
    name: 'NERVECENTER_OTLP_KEYS',
    field: 'otlpKeys',
    fallback: [],
    good: [
      [`shop=${LONG}`, [{ name: 'shop', key: LONG }]],
      [
        ` shop=${LONG} , shop=b${LONG}=,`,
        [
          { name: 'shop', key: LONG },
          { name: 'shop', key: `b${LONG}=` },
        ],
      ],
    ],
    bad: ['shop=short-secret', LONG, `=${LONG}`, `a b=${LONG}`, `shop=ключ${LONG}`],
    expectation: /at least 16 characters per key/,
    secret: true,
  },
];

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Config, collectorEnv, effectiveSettings, readConfig, SETTINGS } from '../src/config.ts';
import { NervecenterError } from '../src/errors.ts';

const DAY_MS = 86_400_000;
const GIB = 1024 ** 3;
const CWD = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
after(() => rmSync(CWD, { recursive: true, force: true }));

const LONG = 'a'.repeat(16);

interface SettingCase {
  readonly name: string;
  readonly field: keyof Config;
  readonly fallback: unknown;
  /** Value given, value read. */
  readonly good: readonly (readonly [given: string, read: unknown])[];
  readonly bad: readonly string[];
  /** Part of the message that says what would be right. */
  readonly expectation?: RegExp;
  /** A bad value that must not be printed. */
  readonly secret?: true;
}

const whole = (min: number, max: number) => new RegExp(`a whole number from ${min} to ${max}`);

const CASES: readonly SettingCase[] = [
  {
    name: 'OTEL_SDK_DISABLED',
    field: 'disabled',
    fallback: false,
    // By OpenTelemetry's rules only "true" is true, in any case of letters.
    good: [
      ['true', true],
      [' TRUE ', true],
      ['false', false],
      ['1', false],
      ['0', false],
      ['yes', false],
    ],
    bad: [],
  },
  {
    name: 'OTEL_SERVICE_NAME',
    field: 'service',
    fallback: 'app',
    good: [
      ['shop', 'shop'],
      [' shop ', 'shop'],
      ['0', '0'],
    ],
    bad: [],
  },
  {
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    field: 'service',
    fallback: 'app',
    good: [
      ['service.name=shop', 'shop'],
      ['a=b, service.name = my%20shop ,c=d', 'my shop'],
      ['service.name=100%', '100%'],
      ['service.name=', 'app'],
      ['nonsense', 'app'],
    ],
    bad: [],
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    field: 'otlpEndpoint',
    fallback: null,
    good: [['http://localhost:4318', 'http://localhost:4318']],
    bad: [],
  },
  {
    name: 'NERVECENTER_PORT',
    field: 'port',
    fallback: 9464,
    good: [
      ['0', 0],
      ['1', 1],
      [' 8080 ', 8080],
      ['65535', 65_535],
    ],
    bad: ['-1', '65536', '80.5', '0x50', '1e3', 'http', '٣', 'NaN', 'Infinity'],
    expectation: whole(0, 65_535),
  },
  {
    name: 'NERVECENTER_HOST',
    field: 'host',
    fallback: '127.0.0.1',
    good: [
      ['0.0.0.0', '0.0.0.0'],
      ['::1', '::1'],
      ['localhost', 'localhost'],
    ],
    bad: [],
  },
  {
    name: 'NERVECENTER_ADMIN_TOKEN',
    field: 'adminTokens',
    fallback: [],
    good: [
      [LONG, [LONG]],
      [`${LONG}, ${LONG}b,`, [LONG, `${LONG}b`]],
      [',', []],
    ],
    bad: ['short-secret', `${LONG},short-secret`],
    expectation: /at least 16 characters per token/,
    secret: true,
  },
  {
    name: 'NERVECENTER_ALLOWED_HOSTS',
    field: 'allowedHosts',
    fallback: [],
    good: [['Admin.Example.com, b.example.com', ['admin.example.com', 'b.example.com']]],
    bad: [],
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
  {
    name: 'NERVECENTER_INTERVAL_MS',
    field: 'intervalMs',
    fallback: 5000,
    good: [
      ['1000', 1000],
      ['60000', 60_000],
    ],
    bad: ['0', '999', '60001', '5s'],
    expectation: whole(1000, 60_000),
  },
  {
    name: 'NERVECENTER_WINDOW_MS',
    field: 'windowMs',
    fallback: 300_000,
    good: [
      ['60000', 60_000],
      ['86400000', DAY_MS],
    ],
    bad: ['0', '59999', '86400001', '5m'],
    expectation: whole(60_000, DAY_MS),
  },
  {
    name: 'NERVECENTER_PROMETHEUS',
    field: 'prometheus',
    fallback: 'on',
    good: [
      ['on', 'on'],
      ['OFF', 'off'],
      [' token ', 'token'],
    ],
    bad: ['0', 'true', 'yes'],
    expectation: /one of on, off, token/,
  },
  {
    name: 'NERVECENTER_STORAGE',
    field: 'storage',
    fallback: 'on',
    good: [
      ['on', 'on'],
      ['off', 'off'],
    ],
    bad: ['0', 'none', 'false'],
    expectation: /one of on, off/,
  },
  {
    name: 'NERVECENTER_DATA_DIR',
    field: 'dataDir',
    fallback: join(CWD, '.nervecenter'),
    good: [
      ['kept', join(CWD, 'kept')],
      [join(tmpdir(), 'kept'), join(tmpdir(), 'kept')],
      ['0', join(CWD, '0')],
    ],
    bad: [],
  },
  {
    name: 'NERVECENTER_STORAGE_MAX_BYTES',
    field: 'storageMaxBytes',
    fallback: null,
    good: [['67108864', 67_108_864]],
    bad: ['0', '67108863', '1GiB'],
    expectation: whole(67_108_864, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'NERVECENTER_SPOOL_MAX_BYTES',
    field: 'spoolMaxBytes',
    fallback: GIB,
    good: [
      ['0', 0],
      ['1048576', 1_048_576],
    ],
    bad: ['-1', '1GiB', '1.5', '9007199254740993'],
    expectation: whole(0, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'NERVECENTER_RETENTION_DAYS',
    field: 'retentionMs',
    fallback: {
      request: 30 * DAY_MS,
      system: 7 * DAY_MS,
      llm: 90 * DAY_MS,
      rag: 30 * DAY_MS,
      cache: 7 * DAY_MS,
    },
    good: [
      [
        'llm=365, cache = 1',
        { request: 30 * DAY_MS, system: 7 * DAY_MS, llm: 365 * DAY_MS, rag: 30 * DAY_MS, cache: DAY_MS },
      ],
    ],
    bad: [
      '30',
      'request',
      'request=0',
      'request=-1',
      'request=1.5',
      'requests=3',
      '__proto__=3',
      'constructor=3',
    ],
    expectation: /pairs such as request=30 with request, system, llm, rag, cache and at least 1 day/,
  },
  ...(
    [
      ['NERVECENTER_PRICES', 'pricesPath'],
      ['NERVECENTER_ALERTS', 'alertsPath'],
    ] as const
  ).map(([name, field]) => ({
    name,
    field,
    fallback: null,
    good: [['some.json', join(CWD, 'some.json')]] as const,
    bad: [],
  })),
  ...(
    [
      ['NERVECENTER_ERROR_MESSAGES', 'errorMessages'],
      ['NERVECENTER_INCLUDE_USAGE', 'includeUsage'],
    ] as const
  ).map(([name, field]) => ({
    name,
    field,
    fallback: 'off',
    good: [
      ['on', 'on'],
      ['OFF', 'off'],
    ] as const,
    bad: ['true', '1', 'yes'],
    expectation: /one of on, off/,
  })),
  {
    name: 'DATABASE_URL',
    field: 'postgres',
    fallback: null,
    good: [
      ['postgres://u:p@h/d', { connectionString: 'postgres://u:p@h/d', env: {} }],
      ['postgresql:///d?host=/run', { connectionString: 'postgresql:///d?host=/run', env: {} }],
    ],
    bad: ['mysql://u:short-secret@h/d', 'u:short-secret@h', 'h', '0'],
    expectation: /a URL such as postgres:\/\/user:password@host:5432\/database/,
    secret: true,
  },
];

/** The message that refuses the environment, `null` when it is accepted. */
function refusal(env: Readonly<Record<string, string>>): string | null {
  try {
    readConfig(env, CWD);
    return null;
  } catch (error) {
    assert.ok(error instanceof NervecenterError && error.code === 'NC_CONFIG_INVALID', String(error));
    return error.message;
  }
}

describe('a setting', () => {
  it('is in this table, each one there is', () => {
    const tabled = new Set([...CASES.map(({ name }) => name), 'PG*', 'AZURE_PG_*']);
    assert.deepEqual([...tabled].sort(), Object.keys(SETTINGS).sort());
  });

  for (const { name, field, fallback, good, bad, expectation, secret } of CASES) {
    it(`${name} absent or empty has its default`, () => {
      for (const env of [{}, { [name]: '' }, { [name]: '  ' }]) {
        assert.deepEqual(readConfig(env, CWD)[field], fallback, JSON.stringify(env));
      }
    });
    it(`${name} takes what is right`, () => {
      for (const [given, read] of good)
        assert.deepEqual(readConfig({ [name]: given }, CWD)[field], read, given);
    });
    if (expectation === undefined) continue;
    it(`${name} refuses what is wrong: setting, expectation, value, remedy`, () => {
      for (const given of bad) {
        const message = refusal({ [name]: given });
        assert.ok(message !== null, given);
        assert.ok(message.startsWith(`${name}: expected `), message);
        assert.match(message, expectation);
        assert.match(message, /, got /);
        assert.match(message, /Correct it|Correct or remove it|Make one with/);
        assert.doesNotMatch(message, /\n/);
        if (secret) assert.doesNotMatch(message, /short-secret/);
        else assert.ok(message.includes(`got "${given}"`), message);
      }
    });
  }
});

describe('the configuration', () => {
  it('tells every problem at once', () => {
    const message = refusal({
      NERVECENTER_PORT: 'x',
      NERVECENTER_STORAGE: 'maybe',
      NERVECENTER_WINDOW_MS: '1',
    });
    assert.deepEqual(message?.match(/\w+(?=: expected)/g), [
      'NERVECENTER_PORT',
      'NERVECENTER_WINDOW_MS',
      'NERVECENTER_STORAGE',
    ]);
  });

  it('shows a received value short and on one line, whatever is in it', () => {
    const message =
      refusal({ NERVECENTER_PORT: `1\n[nervecenter] all is well\u001b[31m\u202e${'9'.repeat(500)}` }) ?? '';
    assert.match(message, /got "1\?\[nervecenter\] all is well\?\[31m\?9+\.\.\."/);
    assert.ok(message.length < 250, message);
  });

  it('takes the standard variables of Postgres, which fill in what a URL leaves open', () => {
    const pg = { PGHOST: 'db', PGPORT: '5433', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'd', PGTZ: 'UTC' };
    const { PGTZ: _notOurs, ...env } = pg;
    assert.deepEqual(readConfig(pg, CWD).postgres, { connectionString: null, env });
    assert.deepEqual(readConfig({ PGDATABASE: 'd' }, CWD).postgres, {
      connectionString: null,
      env: { PGDATABASE: 'd' },
    });
    assert.equal(readConfig({ PGUSER: 'u', PGHOST: '' }, CWD).postgres, null);
    const url = 'postgres://u@h/d';
    assert.deepEqual(readConfig({ ...pg, DATABASE_URL: url }, CWD).postgres, { connectionString: url, env });
  });

  it('takes the names of Azure when nothing else names a server, with TLS unless told otherwise', () => {
    const azure = {
      AZURE_PG_HOST: 'x.postgres.database.azure.com',
      AZURE_PG_USER: 'u',
      AZURE_PG_DATABASE: 'd',
    };
    assert.deepEqual(readConfig({ ...azure, PGAPPNAME: 'a' }, CWD).postgres?.env, {
      PGHOST: azure.AZURE_PG_HOST,
      PGUSER: 'u',
      PGDATABASE: 'd',
      PGSSLMODE: 'require',
      PGAPPNAME: 'a',
    });
    const stricter = { ...azure, AZURE_PG_SSLMODE: 'verify-full' };
    assert.equal(readConfig(stricter, CWD).postgres?.env['PGSSLMODE'], 'verify-full');
    assert.equal(readConfig({ ...azure, PGHOST: 'h' }, CWD).postgres?.env['PGHOST'], 'h');
    assert.equal(readConfig({ AZURE_PG_USER: 'u' }, CWD).postgres, null);
  });

  it('names the app after its package, unless told otherwise', () => {
    const write = (text: string) => writeFileSync(join(CWD, 'package.json'), text);
    try {
      write('{"name": "@shop/api"}');
      assert.equal(readConfig({}, CWD).service, '@shop/api');
      assert.equal(readConfig({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=b' }, CWD).service, 'b');
      const both = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=b', OTEL_SERVICE_NAME: 'a' };
      assert.equal(readConfig(both, CWD).service, 'a');
      for (const unusable of ['{"name": ""}', '{"name": 7}', 'null', '{', '']) {
        write(unusable);
        assert.equal(readConfig({}, CWD).service, 'app', unusable);
      }
    } finally {
      rmSync(join(CWD, 'package.json'));
    }
  });

  it('is frozen', () => {
    assert.ok(Object.isFrozen(readConfig({}, CWD)));
  });

  it('is shown with its secrets masked', () => {
    const secret = 'a-very-secret-token';
    const env = {
      NERVECENTER_ADMIN_TOKEN: `${secret},${secret}2`,
      DATABASE_URL: `postgres://u:${secret}@h/d`,
    };
    const shown = effectiveSettings(readConfig(env, CWD));
    assert.doesNotMatch(JSON.stringify(shown), new RegExp(secret));
    assert.equal(shown['NERVECENTER_ADMIN_TOKEN'], '2 set (not shown)');
    assert.equal(shown['DATABASE_URL'], 'set (not shown)');
    assert.deepEqual(
      Object.keys(shown).filter((name) => !(name in SETTINGS)),
      [],
    );
  });

  it('is not handed on with the preload in it: the collector’s thread must not start an agent', () => {
    assert.deepEqual(collectorEnv({ NODE_OPTIONS: '--require nervecenter/otel', A: 'b' }), { A: 'b' });
  });
});

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { collectorEnv, readConfig, unknownSettingsLine } from '../../src/config/config.ts';
import { effectiveSettings } from '../../src/config/effective-settings.ts';
import { resolvePostgres } from '../../src/config/postgres-options.ts';
import { SETTING_NAMES, SETTINGS, settingOf } from '../../src/config/settings.ts';
import { NervecenterError } from '../../src/core/errors.ts';
import { CWD, SETTING_CASES } from './setting-cases.ts';

afterAll(() => rmSync(CWD, { recursive: true, force: true }));

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
    const tabled = new Set([
      ...SETTING_CASES.map(({ name }) => name),
      'PG*',
      'AZURE_PG_*',
      'OTEL_EXPORTER_OTLP_<SIGNAL>_*',
    ]);
    assert.deepEqual([...tabled].sort(), [...SETTING_NAMES].sort());
  });

  for (const { name, field, fallback, good, bad, expectation, secret } of SETTING_CASES) {
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
    const setting = 'DATABASE_URL';
    assert.deepEqual(readConfig(pg, CWD).postgres, { connectionString: null, setting, env });
    assert.deepEqual(readConfig({ PGDATABASE: 'd' }, CWD).postgres, {
      connectionString: null,
      setting,
      env: { PGDATABASE: 'd' },
    });
    assert.equal(readConfig({ PGUSER: 'u', PGHOST: '' }, CWD).postgres, null);
    const url = 'postgres://u@h/d';
    const both = { connectionString: url, setting, env };
    assert.deepEqual(readConfig({ ...pg, DATABASE_URL: url }, CWD).postgres, both);
  });

  it('leaves alone which database an app has, and takes its own variable, which may name another one', () => {
    const inApp = (env: Readonly<Record<string, string>>) => readConfig(env, CWD, { reader: 'app' }).postgres;
    const url = 'postgres://u@h/d';
    const own = 'NERVECENTER_DATABASE_URL';
    const apps = { PGHOST: 'db', PGUSER: 'u', PGSSLMODE: 'require' };
    for (const mine of [url, 'mysql://u@h/d', 'mongodb://h/d', 'file:./dev.db', 'prisma+postgres://x', 'x'])
      assert.equal(inApp({ ...apps, DATABASE_URL: mine }), null, mine);
    assert.deepEqual(inApp({ ...apps, DATABASE_URL: 'mysql://h', [own]: url }), {
      connectionString: url,
      setting: own,
      env: {},
    });
    const setting = `DATABASE_URL, which ${own} names`;
    const named = { connectionString: url, setting, variable: 'DATABASE_URL', env: {} };
    const byName = { ...apps, DATABASE_URL: url, [own]: 'env:DATABASE_URL' };
    assert.deepEqual(inApp(byName), named);
    assert.deepEqual(readConfig(byName, CWD).postgres, named, 'the same for the commands');
    const azure = inApp({ ...apps, AZURE_PG_HOST: 'h' });
    assert.deepEqual(azure?.env, { PGHOST: 'h', PGSSLMODE: 'require' });
  });

  it('does not refuse a database in an app: it is told when rows are to be stored', () => {
    const own = 'NERVECENTER_DATABASE_URL';
    for (const url of ['mysql://u:secret@h/d', 'env:DATABASE_URL', 'env:NOBODY_SET']) {
      const env = { DATABASE_URL: 'file:./secret.db', [own]: url };
      const { postgres } = readConfig(env, CWD, { reader: 'app' });
      assert.ok(postgres !== null);
      const [problem = ''] = resolvePostgres(postgres).problems;
      assert.match(
        problem,
        /^(\w+, which )?NERVECENTER_DATABASE_URL( names)?: expected a URL such as postgres:/,
      );
      assert.doesNotMatch(problem, /secret/);
      assert.equal(refusal(env), problem, 'a command says the same and does not start');
    }
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
    assert.equal(shown['NERVECENTER_DATABASE_URL'], 'unset');
    const url = 'postgres://h/d';
    for (const [env, own, standard] of [
      [{ NERVECENTER_DATABASE_URL: url }, 'set (not shown)', 'unset'],
      [{ NERVECENTER_DATABASE_URL: 'env:MYDB', MYDB: url }, 'env:MYDB (not shown)', 'unset'],
      [
        { NERVECENTER_DATABASE_URL: 'env:DATABASE_URL', DATABASE_URL: url },
        'env:DATABASE_URL (not shown)',
        'unset',
      ],
      [{ PGHOST: 'h' }, 'unset', 'unset, PG* are taken'],
      [{ AZURE_PG_HOST: 'h' }, 'unset', 'unset, AZURE_PG_* are taken'],
    ] as const) {
      const { NERVECENTER_DATABASE_URL, DATABASE_URL } = effectiveSettings(readConfig(env, CWD));
      assert.deepEqual([NERVECENTER_DATABASE_URL, DATABASE_URL], [own, standard]);
    }
    assert.deepEqual(
      Object.keys(shown).filter((name) => !(name in SETTINGS)),
      [],
    );
  });

  it('has every default that its description names', () => {
    const shown = effectiveSettings(readConfig({}, CWD));
    const described = SETTING_NAMES.flatMap((name) => {
      const value = settingOf(name).default;
      return value === undefined ? [] : [[name, name === 'NERVECENTER_DATA_DIR' ? join(CWD, value) : value]];
    });
    assert.ok(described.length > 10);
    assert.deepEqual(
      described,
      described.map(([name = '']) => [name, shown[name as keyof typeof shown]]),
    );
  });

  it('is not handed on with the preload in it: the collector’s thread must not start an agent', () => {
    assert.deepEqual(collectorEnv({ NODE_OPTIONS: '--require nervecenter/otel', A: 'b' }), { A: 'b' });
  });
});

describe('what Kubernetes sets beside a service called nervecenter', () => {
  const env = {
    NERVECENTER_SERVICE_HOST: '10.0.0.1',
    NERVECENTER_SERVICE_PORT: '9464',
    NERVECENTER_SERVICE_PORT_OTLP_HTTP: '4318',
    NERVECENTER_PORT: 'tcp://10.0.0.1:9464',
    NERVECENTER_PORT_9464_TCP: 'tcp://10.0.0.1:9464',
    NERVECENTER_PORT_9464_TCP_ADDR: '10.0.0.1',
    NERVECENTER_OTLP_PORT: 'tcp://10.0.0.2:4318',
  };

  it('is no setting of ours, and none that is unknown', () => {
    const { port, otlpPort } = readConfig(env, CWD);
    assert.deepEqual([port, otlpPort], [9464, null]);
    assert.equal(unknownSettingsLine(env), null);
  });
});

describe('names of ours that no setting has', () => {
  it('are said in one line, each with the one that was probably meant, and no more than five', () => {
    const names = ['PROT', 'PORTT', 'HOTS', 'DATADIR', 'UNHEARD_OF_BY_ANYBODY', 'X1', 'X2'];
    const env = Object.fromEntries(names.map((name) => [`NERVECENTER_${name}`, 'a-secret']));
    const line = unknownSettingsLine(env) ?? '';
    assert.match(line, /: NERVECENTER_PROT \(did you mean NERVECENTER_PORT\?\), /);
    assert.match(line, /, NERVECENTER_UNHEARD_OF_BY_ANYBODY and 2 more\.$/);
    assert.doesNotMatch(line, /a-secret|\n/);
    const exporters = { OTEL_TRACES_EXPORTER: 'oltp', OTEL_LOGS_EXPORTER: 'console,otlp' };
    assert.match(
      unknownSettingsLine(exporters) ?? '',
      /: OTEL_TRACES_EXPORTER=oltp \(did you mean otlp\?\)\.$/,
    );
    assert.equal(unknownSettingsLine({ NERVECENTER_PORT: '1', DATABASE_URL: 'x' }), null);
  });
});

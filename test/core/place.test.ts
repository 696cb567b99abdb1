import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { placeOf } from '../../src/config/place.ts';
import { disagreement } from '../../src/core/place.ts';

type Env = Readonly<Record<string, string>>;

const inApp = (env: Env, cwd = '/srv/app') => placeOf(readConfig(env, cwd, { reader: 'app' }));
const why = (joiner: Env, holder: Env) => disagreement(inApp(joiner), inApp(holder), { alone: false });
const X = { NERVECENTER_DATABASE_URL: 'postgres://u:p@db/x' };

describe('who shares a collector', () => {
  it('stores where it stores, in the same directory as well', () => {
    assert.equal(why({}, {}), null);
    assert.equal(why({}, X), 'place', 'its rows would go to a database that it does not know');
    assert.equal(why(X, {}), 'place');
    assert.equal(why(X, X), null);
    assert.equal(disagreement(inApp(X, '/srv/other'), inApp(X), { alone: false }), null);
    assert.equal(why(X, { NERVECENTER_DATABASE_URL: 'postgres://other:q@DB:5432/x' }), null);
    assert.equal(why(X, { NERVECENTER_DATABASE_URL: 'postgres://u:p@db/y' }), 'place');
    assert.equal(disagreement(inApp({}, '/srv/other'), inApp({}), { alone: false }), 'place');
  });

  it('uses the same schema, with embedded storage as well', () => {
    const schema = { NERVECENTER_SCHEMA: 'team_b' };
    assert.equal(why(schema, {}), 'place');
    assert.equal(why({ ...X, ...schema }, X), 'place');
    assert.equal(why(schema, schema), null);
  });

  it('has no other database that cannot be used either', () => {
    const broken = (url: string) => ({ NERVECENTER_DATABASE_URL: url });
    assert.equal(why(broken('mysql://u:p@h/x'), broken('file:./dev.db')), 'place');
    assert.equal(why(broken('mysql://u:p@h/x'), broken('postgres://localhost:5432/')), 'place');
    assert.equal(why(broken('mysql://u:p@h/x'), broken('mysql://u:p@h/x')), null);
  });

  it('joins what runs alone wherever that stores, unless somebody said where its own rows go', () => {
    const alone = { alone: true };
    const holder = inApp({ ...X, NERVECENTER_SCHEMA: 'all' }, '/srv/collector');
    assert.equal(disagreement(inApp({}), holder, alone), null);
    for (const said of [
      { NERVECENTER_DATA_DIR: '/srv/data' },
      { NERVECENTER_SCHEMA: 'team_b' },
      { NERVECENTER_DATABASE_URL: 'postgres://u:p@db/y' },
    ])
      assert.equal(disagreement(inApp(said), holder, alone), 'place');
  });

  it('joins what runs alone in the directory that it names itself, whatever database that has', () => {
    const said = { NERVECENTER_DATA_DIR: '/srv/collector/.nervecenter' };
    const holder = inApp(X, '/srv/collector');
    assert.equal(disagreement(inApp(said), holder, { alone: true }), null);
    assert.equal(disagreement(inApp(said), holder, { alone: false }), 'place');
    assert.equal(disagreement(inApp({ ...said, NERVECENTER_SCHEMA: 'b' }), holder, { alone: true }), 'place');
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, it, type TestContext } from 'vitest';
import { AlertService } from '../../../src/collector/alerts/service.ts';
import type { WebhookSenderOptions } from '../../../src/collector/alerts/webhook-sender.ts';
import { createAlertStore } from '../../../src/collector/sinks/postgres/alert-store.ts';
import type { Lend } from '../../../src/collector/sinks/postgres/connect/lend.ts';
import { createHistory } from '../../../src/collector/sinks/postgres/history/history.ts';
import { RULES_MAX } from '../../../src/core/alerts/rule.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { until } from '../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { openHistory, type TestHistory } from '../sinks/postgres/history/fixture.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

type Resolve = NonNullable<WebhookSenderOptions['resolve']>;

const INTERVAL_MS = 20;
const LOOPBACK = [{ host: '127.0.0.1', prefix: 32, port: null }];

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly problem: string | null;
  readonly webhooks: readonly { readonly url: string }[];
  readonly instances: readonly { readonly group: string; readonly state: string; readonly level: number }[];
}

interface Listed {
  readonly rules: readonly Shown[];
  readonly evaluates_here: boolean;
  readonly notifications: Readonly<Record<string, number>>;
}

describe('alerts over a real Postgres', () => {
  let server: TestPostgres;
  let webhooks: WebhookServer;
  let history: TestHistory;
  let logs: string[];
  let isDown: boolean;
  let issues: string[];

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  beforeEach(async (test) => {
    webhooks = await startWebhookServer();
    test.onTestFinished(() => webhooks.close());
    history = await openHistory(test, server);
    logs = [];
    isDown = false;
    issues = [];
  });

  function startService(
    test: TestContext,
    { hideUser = null, resolve }: { hideUser?: ((user: string) => string) | null; resolve?: Resolve } = {},
  ): AlertService {
    const lend: Lend = async (work) => {
      if (isDown) throw new NervecenterError('NC_UNAVAILABLE', 'The database is away.');
      return history.lend(work);
    };
    const service = new AlertService({
      store: createAlertStore(lend),
      history: createHistory(lend),
      issues: () => issues,
      fileRules: [],
      hideUser,
      service: 'shop',
      intervalMs: INTERVAL_MS,
      log: (component, message) => logs.push(`${component}: ${message}`),
      webhookHosts: LOOPBACK,
      sending: { firstPauseMs: 5, ...(resolve && { resolve }) },
    });
    test.onTestFinished(() => service.stop());
    service.start();
    return service;
  }

  const list = (service: AlertService) => service.list() as Listed;
  const stateOf = (service: AlertService, id = 'slow') =>
    list(service).rules.find((rule) => rule.id === id)?.state;

  function slow(overrides: object = {}): object {
    return {
      id: 'slow',
      name: 'Slow routes',
      condition: { kind: 'threshold', signal: 'request', measure: 'max', window: '1m', threshold: 1000 },
      webhooks: [{ url: `${webhooks.url}/hook?secret=s3cret`, format: 'json' }],
      ...overrides,
    };
  }

  const addSlow = () =>
    history.sql(
      `INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms, department) VALUES ('/a', 'GET', 200, 5000, 'sales')`,
    );
  const removeRows = () => history.sql('DELETE FROM enterprise.request_metrics');

  it('fires, tells, is resolved, tells, and keeps all of it', async (test) => {
    const service = startService(test);
    await service.save(slow());
    assert.equal(stateOf(service), 'ok');
    await addSlow();
    await until(() => stateOf(service) === 'firing');
    await until(() => webhooks.received.length === 1);
    const [told] = webhooks.received;
    assert.equal(told?.path, '/hook?secret=s3cret');
    assert.equal(told?.body['status'], 'firing');
    assert.equal(told?.body['value'], 5000);
    assert.equal(told?.body['unit'], 'ms');
    assert.equal(told?.body['threshold'], 1000);
    await removeRows();
    await until(() => stateOf(service) === 'resolved');
    await until(() => webhooks.received.length === 2);
    assert.deepEqual(webhooks.statuses(), ['firing', 'resolved']);
    const { events } = (await service.events(new URLSearchParams())) as { events: { change: string }[] };
    assert.deepEqual(events.map(({ change }) => change).sort(), ['firing', 'resolved']);
    await until(
      async () => (await history.sql('SELECT FROM enterprise.nervecenter_alert_deliveries')).length === 0,
    );
  });

  it('shows no more of an address than its host, and takes it back when the rule is saved again', async (test) => {
    const service = startService(test);
    await service.save(slow());
    const [shown] = list(service).rules;
    assert.equal(shown?.webhooks[0]?.url, `${webhooks.url}/…`);
    await service.save(slow({ name: 'Renamed', webhooks: shown?.webhooks }));
    await service.test({ id: 'slow' });
    assert.equal(webhooks.received[0]?.path, '/hook?secret=s3cret');
    await assert.rejects(service.save(slow({ id: 'other', webhooks: shown?.webhooks })), /webhooks\[0\].url/);
    assert.doesNotMatch(JSON.stringify(list(service)) + logs.join(), /s3cret/);
  });

  it('goes on where it was after a restart in the middle, and tells nothing twice', async (test) => {
    const first = startService(test);
    await addSlow();
    await first.save(slow());
    await until(() => webhooks.received.length === 1);
    await first.stop();
    const second = startService(test);
    await until(() => stateOf(second) === 'firing');
    await removeRows();
    await until(() => webhooks.received.length === 2);
    assert.deepEqual(webhooks.statuses(), ['firing', 'resolved']);
  });

  it('delivers after a restart what could not be delivered before', async (test) => {
    const first = startService(test);
    await addSlow();
    const { url } = webhooks;
    await webhooks.close();
    await first.save(slow({ webhooks: [{ url: `${url}/hook` }] }));
    await until(() => logs.length > 0);
    await first.stop();
    webhooks = await startWebhookServer();
    test.onTestFinished(() => webhooks.close());
    await history.sql(
      `UPDATE enterprise.nervecenter_alert_deliveries SET webhook = jsonb_set(webhook, '{url}', to_jsonb($1::text))`,
      [`${webhooks.url}/hook`],
    );
    startService(test);
    await until(() => webhooks.received.length === 1);
    assert.deepEqual(webhooks.statuses(), ['firing']);
  });

  it('tries again after a 500 with the same id, says so once, and gives up at a refusal', async (test) => {
    const service = startService(test);
    webhooks.answers.push(500, 503);
    await addSlow();
    await service.save(slow());
    await until(() => webhooks.received.length === 3);
    assert.equal(new Set(webhooks.received.map(({ delivery }) => delivery)).size, 1);
    await until(() => list(service).notifications['sent'] === 1);
    assert.equal(logs.length, 2);
    assert.match(logs[0] ?? '', /answered 500; trying again/);
    assert.match(logs[1] ?? '', /works again/);
    webhooks.answers.push(301);
    await removeRows();
    await until(() => list(service).notifications['failed'] === 1);
    assert.equal(webhooks.received.length, 4, 'neither tried again nor redirected');
    assert.doesNotMatch(logs.join(), /s3cret/);
  });

  it('tells nobody of a silenced rule, and of one that still fires when the silence ends', async (test) => {
    const service = startService(test);
    await service.save(slow());
    await service.silence({ id: 'slow', minutes: 10 });
    await addSlow();
    await until(() => stateOf(service) === 'firing');
    assert.equal(webhooks.received.length, 0);
    await service.silence({ id: 'slow', minutes: 0 });
    await until(() => webhooks.received.length === 1);
    assert.deepEqual(webhooks.statuses(), ['firing']);
  });

  it('watches the cost of every department against its budget', async (test) => {
    const service = startService(test);
    await history.sql(`INSERT INTO enterprise.llm_call_metrics (model, provider, department, cost_usd, elapsed_ms)
      VALUES ('m', 'p', 'sales', 8.5, 10), ('m', 'p', 'legal', 10, 10), ('m', 'p', 'support', 1, 10)`);
    const condition = { kind: 'budget', group_by: 'department', period: 'month', limit_usd: 10 };
    await service.save(slow({ condition }));
    const levels = new Map(list(service).rules[0]?.instances.map(({ group, level }) => [group, level]));
    assert.deepEqual([...levels].sort(), [
      ['legal', 3],
      ['sales', 1],
      ['support', 0],
    ]);
    await until(() => webhooks.received.length === 2);
    assert.deepEqual(webhooks.received.map(({ body }) => body['level_percent']).sort(), [100, 80]);
  });

  it('is judged by one of two collectors', async (test) => {
    const [first, second] = [startService(test), startService(test)];
    await until(() => list(first).evaluates_here !== list(second).evaluates_here);
    await addSlow();
    await second.save(slow());
    await until(() => stateOf(first) === 'firing' && stateOf(second) === 'firing');
    await until(() => webhooks.received.length > 0);
    await removeRows();
    await until(() => stateOf(first) === 'resolved' && stateOf(second) === 'resolved');
    // Where the seat changes while a message is under way it comes twice, under one id.
    const told = () => new Map(webhooks.received.map(({ delivery, body }) => [delivery, body['status']]));
    await until(() => told().size === 2);
    assert.deepEqual([...told().values()], ['firing', 'resolved']);
  });

  it('is kept and told by who has the seat, not by who judged the same and was late', async () => {
    const store = createAlertStore(history.lend);
    const [late, next] = [randomUUID(), randomUUID()];
    const state = {
      rule: 'slow',
      group: '',
      state: 'firing',
      sinceMs: Date.now(),
      value: 1,
      level: 1,
      peak: 1,
      notified: 1,
    } as const;
    const changes = { instances: [state], gone: [], events: [], deliveries: [] };
    assert.ok((await store.enter(late, 0)).seated);
    assert.ok((await store.enter(next, 0)).seated);
    assert.equal(await store.save(late, changes), false);
    assert.deepEqual((await store.enter(next, 60_000)).stored.instances, []);
    assert.equal(await store.save(next, changes), true);
    assert.deepEqual((await store.enter(next, 60_000)).stored.instances, [state]);
  });

  it('goes on with health while the database is away, and keeps that afterwards', async (test) => {
    const service = startService(test);
    const condition = { kind: 'health', issue: 'Storage unreachable' };
    await service.save(slow({ condition }));
    isDown = true;
    issues = ['Storage unreachable'];
    await until(() => webhooks.received.length === 1);
    assert.deepEqual(webhooks.statuses(), ['firing']);
    isDown = false;
    await until(
      async () => (await history.sql(`SELECT FROM enterprise.nervecenter_alert_events`)).length === 1,
    );
    issues = [];
    await until(() => webhooks.received.length === 2);
    assert.deepEqual(logs, []);
  });

  it('ends the alert of a rule that is removed, without a word to anybody', async (test) => {
    const service = startService(test);
    await addSlow();
    await service.save(slow());
    await until(() => webhooks.received.length === 1);
    await service.remove({ id: 'slow' });
    assert.deepEqual(list(service).rules, []);
    const { events } = (await service.events(new URLSearchParams())) as { events: { change: string }[] };
    assert.deepEqual(events.map(({ change }) => change).sort(), ['firing', 'resolved']);
    assert.deepEqual(await history.sql('SELECT * FROM enterprise.nervecenter_alert_states'), []);
    assert.equal(webhooks.received.length, 1);
  });

  it('keeps no more rules than there may be, however many are saved at once, here and elsewhere', async (test) => {
    await history.sql(
      `INSERT INTO enterprise.nervecenter_alert_rules (id, definition)
       SELECT 'rule-' || n, jsonb_set($1, '{id}', to_jsonb('rule-' || n)) FROM generate_series(1, $2) AS n`,
      [JSON.stringify(slow({ webhooks: [], enabled: false })), RULES_MAX - 2],
    );
    const hosts = Promise.withResolvers<Awaited<ReturnType<Resolve>>>();
    const resolve = () => hosts.promise;
    const services = [startService(test, { resolve }), startService(test, { resolve })];
    for (const service of services) await until(() => list(service).rules.length === RULES_MAX - 2);
    const saved = services.flatMap((service, which) =>
      Array.from({ length: 10 }, (_, n) => {
        const webhooks = [{ url: 'https://hooks.example.com/x', format: 'json' }];
        return service.save(slow({ id: `new-${which}-${n}`, webhooks, enabled: false }));
      }),
    );
    const settled = Promise.allSettled(saved);
    hosts.resolve([{ address: '93.184.216.34', family: 4 }]);
    const messages = (await settled).map((one) => (one.status === 'rejected' ? String(one.reason) : 'saved'));
    assert.equal(messages.filter((message) => message === 'saved').length, 2, messages.join('\n'));
    assert.equal(messages.filter((message) => message.includes('Other rules are being saved')).length, 4);
    assert.equal((await history.sql('SELECT FROM enterprise.nervecenter_alert_rules')).length, RULES_MAX);
    const [service] = services;
    await service?.save(slow({ id: 'rule-1', name: 'Renamed', webhooks: [] }));
    assert.ok(JSON.stringify(service && list(service)).includes('Renamed'), 'those there are can be changed');
  });

  it('keeps the hash of a user that a rule is about, where users are hidden', async (test) => {
    const service = startService(test, { hideUser: (user) => `hidden ${user.length}` });
    const filters = { user: 'ada@example.com' };
    const condition = {
      kind: 'threshold',
      signal: 'request',
      measure: 'max',
      window: '1m',
      threshold: 1,
      filters,
    };
    await service.save(slow({ condition }));
    const kept = JSON.stringify(await history.sql('SELECT * FROM enterprise.nervecenter_alert_rules'));
    assert.ok(kept.includes('"user":"hidden 15"') && !kept.includes('ada@'), kept);
  });

  it('says what is wrong with a rule, and keeps none of it', async (test) => {
    const service = startService(test);
    const condition = { kind: 'threshold', signal: 'request', measure: 'cost', threshold: 'x' };
    await assert.rejects(
      service.save({ id: 'A B', name: '', condition, extra: 1 }),
      (error: NervecenterError) => {
        assert.equal(error.code, 'NC_BAD_REQUEST');
        for (const part of ['id: expected', 'name: expected', 'condition.threshold: expected', 'extra:'])
          assert.ok(error.message.includes(part), error.message);
        return true;
      },
    );
    await assert.rejects(
      service.save(slow({ condition: { ...condition, threshold: 1 } })),
      /measure: expected one of/,
    );
    assert.deepEqual(list(service).rules, []);
  });
});

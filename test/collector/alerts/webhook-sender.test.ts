import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { beforeEach, describe, it, type TestContext } from 'vitest';
import { AlertService } from '../../../src/collector/alerts/service.ts';
import { WebhookSender } from '../../../src/collector/alerts/webhook-sender.ts';
import { readConfig } from '../../../src/config/config.ts';
import { until } from '../../support/poll.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

const MESSAGE = { id: 'an-id', body: '{"status":"test"}' };
const NEVER = new AbortController().signal;
const v4 = (...addresses: string[]): LookupAddress[] => addresses.map((address) => ({ address, family: 4 }));

/** A resolver that gives one answer after the other, and the last one for ever. */
function resolverOf(...answers: readonly LookupAddress[][]) {
  const asked: string[] = [];
  const resolve = async (host: string): Promise<LookupAddress[]> => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(host);
    return answer;
  };
  return { asked, resolve };
}

describe('sending to a webhook', () => {
  let webhooks: WebhookServer;
  let port: string;

  beforeEach(async (test) => {
    webhooks = await startWebhookServer();
    test.onTestFinished(() => webhooks.close());
    port = new URL(webhooks.url).port;
  });

  const hostsOf = (hosts: string) => readConfig({ NERVECENTER_WEBHOOK_HOSTS: hosts }, '/').webhookHosts;

  it('connects to the address that was judged, and asks for it once', async () => {
    const { asked, resolve } = resolverOf(v4('127.0.0.1'), v4('192.0.2.1'));
    const sender = new WebhookSender({ hosts: hostsOf('127.0.0.1'), resolve });
    const url = `http://no-such-host.invalid:${port}/hook?secret=s3cret`;
    assert.deepEqual(await sender.send(url, MESSAGE, NEVER), {
      ok: true,
      again: false,
      outcome: 'answered 200',
    });
    assert.deepEqual(asked, ['no-such-host.invalid']);
    assert.equal(webhooks.received[0]?.path, '/hook?secret=s3cret');
  });

  it('leaves out the addresses that are not admitted, of a host that has others too', async () => {
    const { resolve } = resolverOf(v4('127.0.0.2', '127.0.0.1', '10.0.0.1'));
    const sender = new WebhookSender({ hosts: hostsOf('127.0.0.1'), resolve });
    assert.equal((await sender.send(`http://mixed.invalid:${port}/`, MESSAGE, NEVER)).ok, true);
    assert.equal(webhooks.received.length, 1);
  });

  it('does not follow a name that leads to the loopback a moment after it was judged', async () => {
    const { resolve } = resolverOf(v4('93.184.216.34'), v4('127.0.0.1'));
    const sender = new WebhookSender({ hosts: [], resolve });
    const url = `http://rebinding.example.com:${port}/`;
    assert.equal(await sender.judge(url), 'admitted');
    const result = await sender.send(url, MESSAGE, NEVER);
    assert.equal(result.ok, false);
    assert.equal(result.again, false);
    assert.match(result.outcome, /none of the Internet.* NERVECENTER_WEBHOOK_HOSTS/);
    assert.deepEqual(webhooks.received, []);
  });

  it('refuses an address of this machine however it is written, and judges before it connects', async () => {
    const sender = new WebhookSender({ hosts: [] });
    for (const host of [
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '0',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
    ]) {
      const url = `http://${host}:${port}/`;
      assert.equal(await sender.judge(url), 'refused', url);
      assert.equal((await sender.send(url, MESSAGE, NEVER)).ok, false, url);
    }
    assert.deepEqual(webhooks.received, []);
  });

  it('ends with an answer that would switch protocols', async (test) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
    }).listen(0, '127.0.0.1');
    test.onTestFinished(() => void server.close());
    await once(server, 'listening');
    const sender = new WebhookSender({ hosts: hostsOf('127.0.0.1') });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    assert.equal((await sender.send(url, MESSAGE, NEVER)).outcome, 'answered 101');
  });

  it('goes where a redirect points to in no case', async () => {
    webhooks.answers.push(301, 302, 307, 308);
    const sender = new WebhookSender({ hosts: hostsOf('127.0.0.1') });
    for (const status of [301, 302, 307, 308]) {
      const result = await sender.send(`${webhooks.url}/hook`, MESSAGE, NEVER);
      assert.deepEqual(result, { ok: false, again: false, outcome: `answered ${status}` });
    }
    assert.deepEqual(new Set(webhooks.received.map(({ path }) => path)), new Set(['/hook']));
  });

  it('gives up in time: a resolver that never answers, a host that does not, and what a shutdown finds', async () => {
    const silent = new WebhookSender({ hosts: [], timeoutMs: 20, resolve: () => new Promise(() => {}) });
    assert.equal(await silent.judge('http://a.invalid/'), 'unknown');
    const late = await silent.send('http://a.invalid/', MESSAGE, NEVER);
    assert.deepEqual(late, { ok: false, again: true, outcome: 'did not answer (TimeoutError)' });
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const at = `http://127.0.0.1:${(mute.address() as AddressInfo).port}/`;
    const patient = new WebhookSender({ hosts: hostsOf('127.0.0.1'), timeoutMs: 50 });
    assert.deepEqual(await patient.send(at, MESSAGE, NEVER), late);
    mute.close();
    const stopping = AbortSignal.abort();
    const given = await silent.send('http://a.invalid/', MESSAGE, stopping);
    assert.deepEqual(given, { ok: false, again: true, outcome: 'did not answer (AbortError)' });
  });

  describe('as whoever looks sees it', () => {
    const rule = (url: string, overrides: object = {}) => ({
      id: 'health',
      name: 'Health',
      condition: { kind: 'health', issue: 'Storage unreachable' },
      webhooks: [{ url }],
      ...overrides,
    });

    const EMPTY = { rules: [], silences: new Map(), instances: [], deliveries: [] };

    interface Setup {
      readonly hosts: string;
      readonly fileRules?: readonly object[];
      readonly stored?: object;
    }

    function startService(test: TestContext, { hosts, fileRules = [], stored = {} }: Setup) {
      const logs: string[] = [];
      const settled: string[] = [];
      const saved: unknown[] = [];
      const resolve = async (host: string): Promise<LookupAddress[]> => {
        if (host === 'public.example.com') return v4('93.184.216.34');
        if (/^[\d.]+$/.test(host)) return v4(host);
        if (host.endsWith('.internal')) return v4('10.0.0.7');
        throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
      };
      const service = new AlertService({
        store: {
          enter: async () => ({ seated: true, stored: { ...EMPTY, ...stored } }),
          saveRule: async (one: unknown) => saved.push(one) > 0,
          settle: async (id: string) => void settled.push(id),
          save: async () => true,
          leave: async () => {},
        } as never,
        history: null,
        issues: () => [],
        fileRules: fileRules as never,
        hideUser: null,
        service: 'shop',
        intervalMs: 60_000,
        webhookHosts: hostsOf(hosts),
        log: (component, message) => logs.push(`${component}: ${message}`),
        sending: { resolve },
      });
      test.onTestFinished(() => service.stop());
      return { service, logs, saved, settled };
    }

    const testOf = async (service: AlertService, url: string) =>
      (await service.test({ rule: rule(url) })) as { results: readonly Record<string, unknown>[] };

    it('every failure of a test is the same: refused, closed, unknown, answered with whatever', async (test) => {
      const { service, logs } = startService(test, { hosts: '127.0.0.1' });
      webhooks.answers.push(500, 404, 301);
      const urls = [
        `${webhooks.url}/a`,
        `${webhooks.url}/b`,
        `${webhooks.url}/c`,
        'http://127.0.0.1:1/',
        'http://169.254.169.254/latest/meta-data',
        'http://db.internal:5432/',
        'http://unknown.example.com/',
      ];
      const answers: Record<string, unknown>[] = [];
      for (const url of urls) answers.push(...(await testOf(service, url)).results);
      const said = new Set(answers.map(({ host: _host, ...rest }) => JSON.stringify(rest)));
      assert.deepEqual(
        [...said],
        ['{"ok":false,"outcome":"could not be told: the log of the collector says why"}'],
      );
      assert.equal(webhooks.received.length, 3);
      const log = logs.join('\n');
      for (const word of ['answered 500', 'answered 404', 'answered 301', 'ECONNREFUSED', 'ENOTFOUND'])
        assert.ok(log.includes(word), word);
      assert.match(log, /169\.254\.169\.254 failed: it is at an address that is none of the Internet/);
      assert.doesNotMatch(log, /meta-data/);
      const [taken] = (await testOf(service, `${webhooks.url}/d`)).results;
      assert.deepEqual(taken, { host: new URL(webhooks.url).host, ok: true, outcome: 'took the message' });
    });

    it('a rule is saved with addresses that are admitted, and refused in the same words with all others', async (test) => {
      const { service, saved } = startService(test, { hosts: 'named.internal' });
      const problemOf = (url: string) =>
        service.save(rule(url)).then(
          () => 'saved',
          ({ message }: Error) => message,
        );
      const refusals = new Set<string>();
      for (const url of [
        'http://127.0.0.1/',
        'http://169.254.169.254/',
        'http://other.internal/',
        'http://unknown.example.com/',
      ])
        refusals.add(await problemOf(url));
      assert.equal(refusals.size, 1);
      assert.match(
        [...refusals][0] ?? '',
        /^webhooks\[0\]\.url: expected a host .* NERVECENTER_WEBHOOK_HOSTS/,
      );
      assert.deepEqual(saved, []);
      for (const url of ['https://public.example.com/', 'http://named.internal/'])
        assert.equal(await problemOf(url), 'saved');
      assert.equal(saved.length, 2);
    });

    it('a message that waited for an address of this machine is given up, and said', async (test) => {
      const webhook = { url: `${webhooks.url}/secret`, format: 'json' };
      const deliveries = [{ id: 'waited', webhook, body: '{}' }];
      const { service, logs, settled } = startService(test, { hosts: '', stored: { deliveries } });
      // Whoever takes the seat delivers what waits.
      service.start();
      await until(() => settled.length > 0);
      assert.deepEqual(new Set(settled), new Set(['waited'])); // Told again at worst.
      assert.match(logs.join('\n'), /A webhook at 127\.0\.0\.1:\d+ is at an address .*; given up\./);
      assert.doesNotMatch(logs.join('\n'), /secret/);
      assert.deepEqual(webhooks.received, []);
    });

    it('nobody is surprised by an alert that was never told: refused hosts are said at the start', async (test) => {
      const fileRules = [
        'http://other.internal/x',
        'http://named.internal/x',
        'http://unknown.invalid/x',
      ].map((url, index) => rule(url, { id: `r${index}`, enabled: true, severity: 'warning', for: '0' }));
      const { service, logs } = startService(test, { hosts: 'named.internal', fileRules });
      service.start();
      await until(() => logs.length > 0);
      assert.match(logs[0] ?? '', /^alerts: No message will be sent to the webhooks at other\.internal: /);
      assert.doesNotMatch(logs.join(), /named|unknown/);
    });
  });
});

describe('looking up hosts', () => {
  it('is done one after the other, and not for those who have given up', async () => {
    const asked: string[] = [];
    const answers: ((addresses: LookupAddress[]) => void)[] = [];
    const resolve = (host: string) => {
      asked.push(host);
      return new Promise<LookupAddress[]>((answer) => answers.push(answer));
    };
    const sender = new WebhookSender({ hosts: [], resolve });
    const gone = new AbortController();
    const first = sender.judge('http://first.example/');
    const second = sender.send('http://second.example/', MESSAGE, gone.signal);
    const third = sender.judge('http://third.example/');
    await until(() => asked.length > 0);
    gone.abort();
    assert.equal((await second).ok, false);
    assert.deepEqual(asked, ['first.example']);
    answers.shift()?.(v4('93.184.216.34'));
    assert.equal(await first, 'admitted');
    await until(() => asked.length === 2);
    answers.shift()?.(v4('127.0.0.1'));
    assert.equal(await third, 'refused');
    assert.deepEqual(asked, ['first.example', 'third.example']);
  });

  it('is not done for addresses, which wait for nobody', async () => {
    const sender = new WebhookSender({ hosts: [], timeoutMs: 20, resolve: () => new Promise(() => {}) });
    const hanging = sender.judge('http://hanging.example/');
    assert.equal(await sender.judge('http://93.184.216.34/'), 'admitted');
    assert.equal(await sender.judge('http://[::ffff:127.0.0.1]/'), 'refused');
    assert.equal(await hanging, 'unknown');
  });
});

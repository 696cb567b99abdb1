import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { type Ask, type Client, fetchClient, http2Client, httpClient, type Seen } from './clients.ts';
import { type RecordedExchange, recordWire, sha256 } from './recording-wire.ts';
import { type ScenarioServer, startScenarios, WHOLE } from './scenario-server.ts';

interface Scenario {
  readonly name: string;
  readonly path: string;
  readonly ask?: () => Omit<Ask, 'url'>;
  /** How the exchange ends, as a pattern; by client where they differ. */
  readonly end: string | Readonly<Record<string, string>>;
}

const LONG = 'a long prompt with a 👋 in it, '.repeat(40_000);
const UPLOAD = Buffer.from(LONG);

const SCENARIOS: readonly Scenario[] = [
  ...Object.keys(WHOLE).map((path) => ({ name: `a whole answer: ${path}`, path, end: 'completed' })),
  { name: 'an answer that is an error', path: 'refused', end: 'completed' },
  { name: 'a long body as text', path: 'json', ask: () => ({ body: LONG }), end: 'completed' },
  { name: 'a long body as bytes', path: 'json', ask: () => ({ body: UPLOAD }), end: 'completed' },
  { name: 'a piped body', path: 'json', ask: () => ({ body: UPLOAD, piped: true }), end: 'completed' },
  { name: 'leaving early', path: 'part', ask: () => ({ leaves: true }), end: 'aborted aborted' },
  { name: 'aborting in the middle', path: 'part', ask: () => ({ aborts: true }), end: 'aborted aborted' },
  {
    name: 'aborting before',
    path: 'hang',
    ask: () => ({ signal: AbortSignal.abort() }),
    // `fetch` does not even make the request.
    end: { 'node:http': 'aborted aborted', 'node:http2': 'aborted aborted' },
  },
  {
    name: 'a timeout before the headers',
    path: 'hang',
    ask: () => ({ signal: AbortSignal.timeout(50) }),
    end: 'aborted timeout',
  },
  {
    name: 'a timeout in the middle',
    path: 'part',
    ask: () => ({ signal: AbortSignal.timeout(1000) }),
    end: 'aborted timeout',
  },
  {
    name: 'a reset by the server in the middle',
    path: 'reset',
    end: {
      // Whether undici sees the reset or only the end depends on timing.
      fetch: 'error (ECONNRESET|UND_ERR_SOCKET)',
      'node:http': 'error ECONNRESET',
      'node:http2': 'error ERR_HTTP2_STREAM_ERROR',
    },
  },
  {
    name: 'an answer cut short',
    path: 'cut',
    end: {
      fetch: 'error UND_ERR_SOCKET',
      'node:http': 'error ECONNRESET',
      'node:http2': 'error ERR_HTTP2_STREAM_ERROR',
    },
  },
  {
    name: 'no answer at all',
    path: 'gone',
    end: {
      fetch: 'error UND_ERR_SOCKET',
      'node:http': 'error ECONNRESET',
      'node:http2': 'error ERR_HTTP2_STREAM_ERROR',
    },
  },
];

const CLIENTS: Readonly<Record<string, (origin: string) => Client>> = {
  fetch: fetchClient,
  'node:http': httpClient,
  'node:http2': http2Client,
};

for (const [name, create] of Object.entries(CLIENTS)) {
  describe(`with and without the agent, ${name}`, () => {
    let server: ScenarioServer;
    let client: Client;
    beforeAll(async () => {
      client = create('');
      server = await startScenarios(client.protocol);
      client = create(server.url);
    });
    afterAll(async () => {
      client.close();
      await server.close();
    });

    for (const { name: what, path, ask, end } of SCENARIOS) {
      test(what, async () => {
        const call = () => client.call({ url: `${server.url}/observed/${path}`, ...ask?.() });
        const without = await call();
        const { seen, exchange } = await observed(call);
        assert.deepEqual(seen, without);
        const expected = endFor(name, end);
        assert.equal(exchange?.ends.length, expected === undefined ? undefined : 1);
        assert.match(exchange?.ends[0] ?? 'none', new RegExp(`^${expected ?? 'none'}$`));
        if (exchange !== undefined) bytesAreRight(exchange, seen, path, server);
      });
    }

    test('nobody listens', async () => {
      const closed = createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const { port } = closed.address() as { port: number };
      await new Promise((resolve) => closed.close(resolve));
      const call = () => client.call({ url: `http://127.0.0.1:${port}/observed/json` });
      const without = await call();
      const { seen, exchange } = await observed(call);
      assert.deepEqual(seen, without);
      assert.deepEqual(exchange?.ends, ['error ECONNREFUSED']);
    });

    test('other requests are not touched', async () => {
      const recorded = recordWire();
      try {
        await client.call({ url: `${server.url}/other/json` });
        assert.deepEqual(recorded.exchanges, []);
      } finally {
        recorded.stop();
      }
    });
  });
}

/** Makes one call while it is observed. */
async function observed(call: () => Promise<Seen>): Promise<{ seen: Seen; exchange?: RecordedExchange }> {
  const recorded = recordWire();
  try {
    const seen = await call();
    const [exchange, ...others] = recorded.exchanges;
    assert.equal(others.length, 0);
    if (exchange === undefined) return { seen };
    await until(() => exchange.ends.length > 0, { what: 'the end of the exchange' });
    assert.deepEqual(recorded.agent.warnings, []);
    return { seen, exchange };
  } finally {
    recorded.stop();
  }
}

function endFor(client: string, end: Scenario['end']): string | undefined {
  return typeof end === 'string' ? end : end[client];
}

function bytesAreRight(exchange: RecordedExchange, seen: Seen, path: string, server: ScenarioServer): void {
  assert.equal(exchange.status, seen.status ?? null);
  const whole = WHOLE[path];
  if (whole === undefined) return;
  assert.equal(exchange.contentType, 'text/plain');
  assert.deepEqual([exchange.receivedBytes, exchange.receivedHash], [whole.length, sha256(whole)]);
  assert.equal(exchange.sentHash, server.bodies.at(-1));
  if (seen.hash === undefined) return;
  // `fetch` inflates for the app; what passed by is what the server sent.
  assert.ok([sha256(whole), path === 'gzip' ? sha256(gunzipSync(whole)) : ''].includes(seen.hash));
}

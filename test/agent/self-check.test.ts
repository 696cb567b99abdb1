import assert from 'node:assert/strict';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'vitest';
import { type Agent, type Instrumentation, rootOf } from '../../src/agent/instrumentation.ts';
import { INSTRUMENTATIONS } from '../../src/agent/instrumentations.ts';
import { llm } from '../../src/agent/llm/observer.ts';
import { startChecked } from '../../src/agent/self-check.ts';
import { vectorStores } from '../../src/agent/vector-stores/observer.ts';
import { milliseconds } from '../../src/core/units.ts';
import { nodeHttp } from '../../src/platform/builtins.ts';
import { IDLE_AGENT } from '../support/idle-agent.ts';
import { until } from '../support/poll.ts';

const CHANNEL = 'nervecenter.test.self-check';

function recording() {
  const told = { said: new Map<string, string>(), givenUp: [] as string[], atMs: 0 };
  const agent: Agent = {
    ...IDLE_AGENT,
    clock: { ...IDLE_AGENT.clock, monotonicMs: () => milliseconds(told.atMs) },
    gaveUp: (reason) => void told.givenUp.push(reason),
    warnOnce: (key, message) => void (told.said.has(key) || told.said.set(key, message)),
    failed: (key, what, error) => void (told.said.has(key) || told.said.set(key, `${what}: ${error}`)),
  };
  return { told, agent };
}

/** Listens to a channel, as those of `node:http` do, and fails as often as it is told. */
function listening(name: string, work: () => void): Instrumentation {
  return {
    name,
    start: (agent) => {
      const listener = () => {
        try {
          work();
        } catch (error) {
          agent.failed(name, 'a request could not be observed', error);
        }
      };
      subscribe(CHANNEL, listener);
      return () => unsubscribe(CHANNEL, listener);
    },
  };
}

test('what fails ten times within a minute is turned off, said once and counted; the others go on', async () => {
  const { told, agent } = recording();
  let [bad, good] = [0, 0];
  const stop = startChecked(agent, [
    listening('bad', () => {
      bad++;
      throw new Error('of another shape');
    }),
    listening('good', () => {
      good++;
    }),
  ]);
  for (let i = 0; i < 9; i++) channel(CHANNEL).publish({});
  assert.deepEqual(told.givenUp, []);
  channel(CHANNEL).publish({});
  await until(() => {
    const before = bad;
    channel(CHANNEL).publish({});
    return bad === before;
  });
  const off = bad;
  for (let i = 0; i < 100; i++) channel(CHANNEL).publish({});
  assert.equal(bad, off);
  assert.ok(good > 110, `${good}`);
  assert.deepEqual(told.givenUp, ['instrumentation_off']);
  assert.match(
    told.said.get('off:bad') ?? '',
    /^bad is turned off until the next start: it failed 10 times .* of another shape/,
  );
  stop();
  const seen = good;
  channel(CHANNEL).publish({});
  assert.equal(good, seen);
});

test('what fails now and then stays on', () => {
  const { told, agent } = recording();
  let bad = 0;
  const stop = startChecked(agent, [
    listening('bad', () => {
      bad++;
      throw new Error('now and then');
    }),
  ]);
  for (let i = 0; i < 30; i++) {
    told.atMs += 20_000;
    channel(CHANNEL).publish({});
  }
  stop();
  assert.deepEqual([bad, told.givenUp], [30, []]);
});

test('what there is one of for an agent is shared by all', () => {
  const { agent } = recording();
  const given: Agent[] = [];
  const take = (name: string): Instrumentation => ({
    name,
    start: (own) => {
      given.push(own);
      return () => {};
    },
  });
  startChecked(agent, [take('one'), take('two')])();
  assert.deepEqual(
    given.map((own) => rootOf(own) === agent),
    [true, true],
  );
});

/** What instrumentations change of the app's process, as far as it can be seen from outside. */
function traces() {
  const channels = [
    'http.server.request.start',
    'http.server.response.finish',
    'http.client.request.created',
    'http.client.response.finish',
    'http2.client.stream.created',
    'undici:request:create',
    'undici:request:error',
    'fastify.initialization',
    'nervecenter.module.loaded',
    'nervecenter.cache-manager.made',
    'lru-cache:metrics',
    'tracing:net.server.listen:asyncStart',
  ];
  const { ServerResponse, Server } = nodeHttp();
  return {
    heard: channels.filter((name) => channel(name).hasSubscribers),
    fetch: globalThis.fetch,
    methods: [
      ServerResponse.prototype.writeContinue,
      ServerResponse.prototype.writeEarlyHints,
      Server.prototype.emit,
    ],
    dispatcher: Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1')),
  };
}

for (const instrumentation of INSTRUMENTATIONS) {
  test(`${instrumentation.name}: what it had done before its start failed is taken back`, () => {
    const { told, agent } = recording();
    const settings = { ...agent.settings, includeUsage: true };
    const ends = new Set<() => void>();
    const beforeEnd: Agent['beforeEnd'] = (work) => {
      ends.add(work);
      return () => void ends.delete(work);
    };
    const before = traces();
    let during: ReturnType<typeof traces> | undefined;
    const stop = startChecked({ ...agent, settings, beforeEnd }, [
      {
        name: 'half',
        start: (own) => {
          instrumentation.start(own);
          during = traces();
          throw new Error('half-way');
        },
      },
    ]);
    assert.notDeepEqual(during, before, 'it had done something');
    assert.deepEqual(traces(), before);
    assert.equal(ends.size, 0);
    assert.deepEqual(told.givenUp, ['instrumentation_off']);
    stop();
    assert.deepEqual(traces(), before);
  });
}

test('one that fails takes nothing from those that go on, also what they share', () => {
  const { agent } = recording();
  const before = traces();
  const failing: Instrumentation = {
    name: 'half',
    start: (own) => {
      vectorStores.start(own);
      throw new Error('half-way');
    },
  };
  const stop = startChecked(agent, [llm, failing]);
  assert.ok(channel('undici:request:create').hasSubscribers);
  stop();
  assert.deepEqual(traces(), before);
  const stopOther = startChecked(agent, [failing, llm]);
  assert.ok(channel('undici:request:create').hasSubscribers);
  stopOther();
  assert.deepEqual(traces(), before);
});

test('what cannot start, or not be undone, keeps no other from it', () => {
  const { told, agent } = recording();
  const started: string[] = [];
  const stop = startChecked(agent, [
    {
      name: 'broken',
      start: () => {
        throw new Error('no such channel');
      },
    },
    {
      name: 'fine',
      start: () => {
        started.push('fine');
        return () => {
          throw new Error('not undone');
        };
      },
    },
  ]);
  stop();
  assert.deepEqual(started, ['fine']);
  assert.deepEqual(told.givenUp, ['instrumentation_off']);
  assert.match(told.said.get('off:broken') ?? '', /it could not start \(.*no such channel\)/);
  assert.match(told.said.get('agent') ?? '', /not undone/);
});
